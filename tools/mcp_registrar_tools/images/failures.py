"""What Docker says when it fails, told with the cure.

The engine reports by exceptions (unreachable, refused) and by events in a stream (a failing step, a refused push);
both end here and become `ImageError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images.reference import HUB, ImageReference

if TYPE_CHECKING:
    from mcp_registrar_tools.images.engine import Address


def from_engine(error: BaseException, where: Address) -> ImageError:
    """An exception of the SDK or the socket as an `ImageError`."""
    if isinstance(error, ImageError):
        return error
    socket = where.host.removeprefix("unix://")
    chain = list(_chain(error))
    if any(isinstance(link, PermissionError) for link in chain):
        return ImageError(
            "engine-denied",
            f"no permission to use the Docker Engine at {where.host} ({where.source})",
            "let your user use it: `sudo usermod -aG docker $USER`, then log in again (or set DOCKER_HOST to a "
            "rootless engine's socket)",
        )
    if any(isinstance(link, FileNotFoundError) for link in chain) and where.host.startswith(("unix:", "npipe:")):
        return ImageError(
            "engine-missing",
            f"no Docker Engine: {socket} does not exist ({where.source})",
            "start Docker Desktop or `sudo systemctl start docker`, or install an engine; a server on npm or PyPI "
            "can be published without an image",
        )
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return ImageError(
            "engine-refused",
            f"nothing answers at {where.host} ({where.source}): the Docker Engine is not running",
            "start Docker Desktop or `sudo systemctl start docker`, then call again",
        )
    if any(isinstance(link, TimeoutError) or "timed out" in str(link).lower() for link in chain):
        return ImageError(
            "engine-silent",
            f"the Docker Engine at {where.host} did not answer in time",
            "look whether it is busy or hanging (`docker info`), restart it, then call again",
        )
    text = _said(error)
    if known := _known(text):
        return known
    if not hasattr(error, "response") or getattr(error, "response", None) is None:
        return ImageError(
            "engine-unreachable",
            f"the Docker Engine at {where.host} ({where.source}) cannot be used: {text}",
            "check DOCKER_HOST and `docker info`, then call again",
        )
    return ImageError("engine-error", text, "correct what the Docker Engine names and call again")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps: causes, contexts and exceptions among its arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [
            e
            for e in (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
            if isinstance(e, BaseException)
        ]


def _said(error: BaseException) -> str:
    explanation = getattr(error, "explanation", None)
    if isinstance(explanation, bytes):
        explanation = explanation.decode("utf-8", "replace")
    return clean(str(explanation or error) or type(error).__name__, 600).strip()


def _known(text: str) -> ImageError | None:
    """Failures that mean the same wherever they turn up."""
    low = text.lower()
    if "no space left on device" in low:
        return ImageError(
            "disk-full",
            f"the Docker Engine's disk is full: {text}",
            "make room: `docker system df` shows what takes it, `docker builder prune` frees some",
        )
    if "unknown operating system or architecture" in low or "invalid platform" in low:
        return ImageError(
            "platform-unknown",
            f"no such platform: {text}",
            'write it as os/architecture, for example platform="linux/amd64" or "linux/arm64"',
        )
    if (
        "does not match the specified platform" in low
        or "no match for platform" in low
        or "no matching manifest" in low
    ):
        return ImageError(
            "platform-unavailable",
            f"the base image does not exist for this platform: {text}",
            "choose a base image that is published for it, or leave `platform` out",
        )
    if "exec format error" in low:
        return ImageError(
            "platform-not-runnable",
            f"this machine cannot run programs of the platform that is built: {text}",
            "add emulation (`docker run --privileged --rm tonistiigi/binfmt --install all`) or build on that platform",
        )
    if "docker-credential-" in low or "credentials store" in low:
        return ImageError(
            "credential-helper-failed",
            f"the credential helper named in Docker's configuration failed: {text}",
            "install the helper, or remove `credsStore`/`credHelpers` from Docker's config.json and log in again",
        )
    return None


_MISSING_BASE = (
    "pull access denied",
    "manifest unknown",
    "repository does not exist",
    "not found: manifest",
    "failed to resolve source metadata",
    "no such host",
    "name unknown",
)


def of_build(message: str, *, step: str, tail: str, dockerfile: str) -> ImageError:
    """A build's own failure. ``step`` is the instruction it was at, ``tail`` the last lines it printed."""
    message = clean(message, 600).strip()
    details = tail or None
    if known := _known(f"{message}\n{tail}"):
        known.details = details
        return known
    low = message.lower()
    if "requires buildkit" in low or re.search(r"unknown flag:? --?(mount|link|chmod|network|security)", low):
        return ImageError(
            "builder-missing",
            f"{step or dockerfile} uses what only BuildKit knows: {message}",
            "install docker-buildx (Docker Desktop has it), then call again",
        )
    is_run = re.search(r"returned a non-zero code: (\d+)|exit code: (\d+)", message)
    if is_run:
        code = is_run.group(1) or is_run.group(2)
        return ImageError(
            "build-failed",
            f"{step or 'a step'} of {dockerfile} failed with exit code {code}",
            "correct this step (its last lines are above) and call build_image again",
            details=details,
        )
    if any(words in low for words in _MISSING_BASE) and (
        "FROM" in step.upper() or "load metadata" in step or "FROM" in message or not step
    ):
        return ImageError(
            "base-image-missing",
            f"the base image of {step or dockerfile} cannot be pulled: {message}",
            "check its name and tag; a private one needs `docker login` first; without network, pull it beforehand",
            details=details,
        )
    if "toomanyrequests" in low or "rate limit" in low:
        return ImageError(
            "base-image-rate-limited",
            f"the registry of the base image limits anonymous pulls: {message}",
            "log in with `docker login`, or wait and call again",
            details=details,
        )
    if re.search(
        r"copy failed|add failed|failed to compute cache key|not found in build context|no such file or directory", low
    ):
        return ImageError(
            "build-file-missing",
            f"{step or 'a step'} of {dockerfile} names a file that is not in the build context: {message}",
            "check the path (relative to the project folder) and .dockerignore",
            details=details,
        )
    if re.search(
        r"parse error|unknown instruction|dockerfile parse|failed to parse|no build stage|requires at least one"
        r"|cannot be empty|target stage|build target",
        low,
    ):
        return ImageError(
            "dockerfile-invalid", f"{dockerfile} cannot be read: {message}", "correct the line it names and call again"
        )
    return ImageError(
        "build-failed", f"the build of {dockerfile} failed{f' at {step}' if step else ''}: {message}",
        "correct what it names and call build_image again", details=details,
    )  # fmt: skip


def login_command(reference: ImageReference) -> str:
    """What a person types to log in where this image lives."""
    return "docker login" if reference.registry == HUB else f"docker login {reference.registry}"


def of_push(message: str, reference: ImageReference) -> ImageError:
    """A refused or broken push, in the registry's words."""
    message = clean(message, 600).strip()
    low = message.lower()
    image, host, login = reference.canonical(), reference.host, login_command(reference)
    if "no basic auth credentials" in low or "unauthorized" in low or "authentication required" in low or "401" in low:
        return ImageError(
            "push-unauthorized",
            f"push of {image} refused: not logged in at {host}, or with a wrong password: {message}",
            f"run `{login}` in a terminal, then call again",
        )
    if "denied" in low or "insufficient_scope" in low or "403" in low or "forbidden" in low:
        owner = reference.repository.split("/")[0]
        whose = (
            '`library/` belongs to Docker: name your own account with registry="docker.io/YOUR-ACCOUNT"'
            if reference.registry == HUB and owner == "library"
            else f"log in as someone who may write to {host}/{reference.repository} (`{login}`)"
            + ("; the token needs write:packages" if host == "ghcr.io" else "")
        )
        return ImageError("push-denied", f"push of {image} denied by {host}: {message}", whose)
    if "name unknown" in low or "repository not found" in low or "does not exist" in low:
        return ImageError(
            "push-repository-missing",
            f"push of {image} refused: {host} has no such repository: {message}",
            f"create {reference.repository} at {host} first, then call again",
        )
    if "http response to https client" in low:
        return ImageError(
            "push-insecure",
            f"push of {image} refused: {host} speaks plain http and the engine wants https",
            f'add "{reference.registry}" to `insecure-registries` of the engine, or use https',
        )
    if re.search(r"no such host|connection refused|i/o timeout|network is unreachable|tls:|x509", low):
        return ImageError(
            "push-unreachable",
            f"push of {image} failed: {host} cannot be reached: {message}",
            "check the registry's name and the network, then call again",
        )
    if known := _known(message):
        return known
    return ImageError("push-failed", f"push of {image} failed: {message}", f"see what {host} names and call again")
