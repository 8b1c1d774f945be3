"""Docker's own words, each as an error with its cure. The words are those that engines 20 and 26 really said."""

# ruff: noqa: E501 - the words of engines

from __future__ import annotations

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import failures, platforms
from mcp_registrar_tools.images.lines import LineView, tail_of
from mcp_registrar_tools.images.reference import parse


@pytest.mark.parametrize(
    ("said", "image", "code", "hint"),
    [
        ("no basic auth credentials", "ghcr.io/a/b:1", "push-unauthorized", "docker login ghcr.io"),
        ("unauthorized: authentication required", "docker.io/a/b:1", "push-unauthorized", "`docker login`"),
        ("denied: requested access to the resource is denied", "docker.io/library/b:1", "push-denied", "YOUR-ACCOUNT"),
        ("denied: permission_denied: write_package", "ghcr.io/a/b:1", "push-denied", "write:packages"),
        ("push access denied, repository does not exist or may require authorization: insufficient_scope",
         "docker.io/a/b:1", "push-denied", "docker login"),
        ("name unknown: Repository \"x\" not found", "us-docker.pkg.dev/p/x/b:1", "push-repository-missing", "create p/x/b"),
        ("http: server gave HTTP response to HTTPS client", "10.0.0.1:5000/a/b:1", "push-insecure", "insecure-registries"),
        ("dial tcp: lookup nope.example on 127.0.0.1:53: no such host", "nope.example/a/b:1", "push-unreachable", "network"),
        ("x509: certificate signed by unknown authority", "r.example/a/b:1", "push-unreachable", "registry"),
        ("write /var/lib/docker/tmp: no space left on device", "ghcr.io/a/b:1", "disk-full", "docker system df"),
        ("received unexpected HTTP status: 500 Internal Server Error", "ghcr.io/a/b:1", "push-failed", "ghcr.io"),
    ],
)  # fmt: skip
def test_refused_pushes(said: str, image: str, code: str, hint: str) -> None:
    error = failures.of_push(said, parse(image))
    assert error.code == code
    assert hint in error.hint
    assert parse(image).canonical() in error.message or code == "disk-full"


@pytest.mark.parametrize(
    ("said", "step", "code"),
    [
        ("The command '/bin/sh -c make' returned a non-zero code: 2", "step 3/4 `RUN make`", "build-failed"),
        ("pull access denied for acme/x, repository does not exist or may require 'docker login'", "step 1/2 `FROM acme/x`",
         "base-image-missing"),
        ("manifest for busybox:nope not found: manifest unknown", "step 1/2 `FROM busybox:nope`", "base-image-missing"),
        ("toomanyrequests: You have reached your pull rate limit", "step 1/2 `FROM python`", "base-image-rate-limited"),
        ("COPY failed: file not found in build context or excluded by .dockerignore", "step 2/2 `COPY a b`",
         "build-file-missing"),
        ("dockerfile parse error line 3: unknown instruction: RNU", "", "dockerfile-invalid"),
        ("exec /bin/sh: exec format error", "step 2/2 `RUN x`", "platform-not-runnable"),
        ("write /tmp/x: no space left on device", "step 2/2 `RUN x`", "disk-full"),
        ("something nobody foresaw", "", "build-failed"),
    ],
)  # fmt: skip
def test_failed_builds(said: str, step: str, code: str) -> None:
    error = failures.of_build(said, step=step, tail="the last line", dockerfile="Dockerfile")
    assert error.code == code
    assert error.hint
    if code == "build-failed":
        assert error.details == "the last line"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("linux/amd64", "linux/amd64"),
        ("LINUX/x86_64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm/v7", "linux/arm"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_platforms(written: str, meant: str) -> None:
    assert platforms.normalise(written) == meant


@pytest.mark.parametrize("written", ["", "linux", "linux/vax", "plan9/amd64", "linux/amd64/v1/x", "windows/s390x"])
def test_no_platforms(written: str) -> None:
    with pytest.raises(InputError) as caught:
        platforms.normalise(written)
    assert caught.value.code == "platform-unknown"


@pytest.mark.anyio
async def test_lines_are_cut_cleaned_and_counted() -> None:
    seen: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        seen.append((done, total, message))

    def step(line: str) -> tuple[int, int, str] | None:
        return (int(line[5]), 3, line[7:]) if line.startswith("Step ") else None

    view = LineView(progress)
    for piece in ("Step 1 FROM x\nhal", "f\n 10%\r 50%\rdone\n", "\x1b[31mred\x1b[0m\n\n", "Step 2 RUN y\nlast"):
        await view.feed(piece, step)
    await view.flush(step)
    assert [message for _, _, message in seen] == ["Step 1 FROM x", "half", "done", "red", "Step 2 RUN y", "last"]
    values = [done for done, _, _ in seen]
    assert values == sorted(set(values))
    assert view.step == "step 2/3 `RUN y`"
    assert view.tail() == "last"


def test_trouble_further_up_is_kept() -> None:
    lines = ["collecting", "ERROR: no matching distribution for left-pad", *(f"noise {n}" for n in range(100))]
    tail = tail_of(lines)
    assert tail.splitlines()[0] == "ERROR: no matching distribution for left-pad"
    assert tail.splitlines()[-1] == "noise 99"
    assert "noise 50" not in tail
    assert len(tail_of(["x" * 5000 + " error"] * 50)) <= 2400
