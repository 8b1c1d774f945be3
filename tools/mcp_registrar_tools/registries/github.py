"""Proving who is publishing with GitHub: a token at hand, the device flow, or an Actions job's own identity."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import LoginError

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched, Outbound

GITHUB_URL = "https://github.com"
SCOPES = "read:org read:user"
"""``read:org`` lets the registry see of which organisations the person is Owner."""
TOKEN_VARIABLES = ("MCP_GITHUB_TOKEN", "GH_TOKEN")
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
LONGEST_INTERVAL = 60.0
LONGEST_FLOW = 3600.0


@dataclass(repr=False)
class DeviceFlow:
    """A device login that waits for the person. ``code`` is what they type at ``url``; times are Unix seconds."""

    url: str
    code: str
    device_code: str
    client_id: str
    interval: float
    expires_at: float
    next_poll: float
    graces: int = 2

    @property
    def expired(self) -> bool:
        return time.time() >= self.expires_at


async def token_at_hand() -> tuple[str, str] | None:
    """A GitHub token that this user already has, and its source: an environment variable, else the gh program."""
    for name in TOKEN_VARIABLES:
        if token := os.environ.get(name, "").strip():
            return token, f"env:{name}"
    if token := await gh_token():
        return token, "gh"
    return None


async def gh_token() -> str:
    """What ``gh auth token`` prints; empty when gh is not there, not logged in or does not answer in 5 s."""
    import anyio

    if shutil.which("gh") is None:
        return ""
    try:
        with anyio.fail_after(5):
            done = await anyio.run_process(["gh", "auth", "token", "--hostname", "github.com"], check=False)
    except (OSError, TimeoutError):
        return ""
    return done.stdout.decode("ascii", "ignore").strip() if done.returncode == 0 else ""


async def start_device_flow(outbound: Outbound, github_url: str, client_id: str) -> DeviceFlow:
    """Ask GitHub for a code that the person types there."""
    answer = await _post(outbound, f"{github_url}/login/device/code", client_id=client_id, scope=SCOPES)
    body = _json(answer)
    if answer.status != 200 or not body.get("device_code") or not body.get("user_code"):
        raise LoginError(
            "device-login",
            f"GitHub did not start a device login ({_reason(answer, body)})",
            "try again, or set MCP_GITHUB_TOKEN",
        )
    now = time.time()
    interval = _seconds(body.get("interval"), 5.0, LONGEST_INTERVAL)
    return DeviceFlow(
        url=clean(str(body.get("verification_uri") or f"{github_url}/login/device"), 200),
        code=clean(str(body["user_code"]), 40),
        device_code=str(body["device_code"]),
        client_id=client_id,
        interval=interval,
        expires_at=now + _seconds(body.get("expires_in"), 900.0, LONGEST_FLOW),
        next_poll=now + interval,
    )


async def poll_device_flow(outbound: Outbound, github_url: str, flow: DeviceFlow, patience: float) -> str | None:
    """The token once the person has typed the code; None when they have not after ``patience`` seconds.

    Keeps to the interval that GitHub asks for. Raises `LoginError` when the person declined or the code ran out.
    """
    import anyio

    deadline = time.time() + patience
    while not flow.expired:
        wait = flow.next_poll - time.time()
        if time.time() + wait > deadline:
            return None
        await anyio.sleep(max(wait, 0))
        flow.next_poll = time.time() + flow.interval
        answer = await _post(
            outbound,
            f"{github_url}/login/oauth/access_token",
            client_id=flow.client_id,
            device_code=flow.device_code,
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
        )
        body = _json(answer)
        if token := body.get("access_token"):
            return str(token)
        error = str(body.get("error") or "")
        if error == "authorization_pending":
            continue
        if error == "slow_down":
            flow.interval = _seconds(body.get("interval"), flow.interval + 5, LONGEST_INTERVAL)
        elif answer.status >= 500 or answer.status == 429:
            flow.interval = min(flow.interval * 2, LONGEST_INTERVAL)
        elif error == "incorrect_device_code" and flow.graces:
            flow.graces -= 1  # seen right after the person typed the code, gone a moment later
        elif error == "access_denied":
            raise LoginError("login-declined", "the login was declined on GitHub", "log in again if that was a mistake")
        elif error == "expired_token":
            break
        else:
            raise LoginError(
                "device-login", f"GitHub refused ({_reason(answer, body)})", "log in again, or set MCP_GITHUB_TOKEN"
            )
        flow.next_poll = time.time() + flow.interval
    raise LoginError("code-expired", "nobody typed the code in time", "log in again for a new code")


def audience(registry_url: str) -> str | None:
    """The audience that an Actions token for this registry must carry: scheme and host; None for no URL."""
    try:
        parts = urlsplit(registry_url.strip())
        host = parts.netloc.rpartition("@")[2].lower()
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    return f"{parts.scheme}://{host}" if parts.scheme and parts.hostname else None


def in_actions() -> bool:
    """Whether this is a GitHub Actions job that may ask for an identity token."""
    return bool(os.environ.get(REQUEST_URL) and os.environ.get(REQUEST_TOKEN))


async def actions_token(outbound: Outbound, registry_url: str) -> str:
    """This Actions job's identity token, made out to this registry alone."""
    url, secret = os.environ.get(REQUEST_URL, ""), os.environ.get(REQUEST_TOKEN, "")
    if not (url and secret):
        raise LoginError(
            "not-in-actions",
            "GitHub Actions offers no identity token here (ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN are not set)",
            'run in GitHub Actions with "permissions: id-token: write", or use another login method',
        )
    query = urlencode({"audience": audience(registry_url) or registry_url})
    answer = await outbound.fetch(
        "GET",
        f"{url}{'&' if '?' in url else '?'}{query}",
        headers={"authorization": f"Bearer {secret}", "accept": "application/json"},
    )
    token = _json(answer).get("value")
    if answer.status != 200 or not token:
        raise LoginError(
            "actions-token",
            f"GitHub Actions gave no identity token (HTTP {answer.status})",
            'give the job "permissions: id-token: write"',
        )
    return str(token)


async def _post(outbound: Outbound, url: str, **form: str) -> Fetched:
    return await outbound.fetch(
        "POST",
        url,
        headers={"accept": "application/json", "content-type": "application/x-www-form-urlencoded"},
        content=urlencode(form).encode(),
    )


def _json(answer: Fetched) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(answer: Fetched, body: dict[str, Any]) -> str:
    return clean(str(body.get("error_description") or body.get("error") or f"HTTP {answer.status}"), 200)


def _seconds(value: Any, default: float, most: float) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = default
    return min(seconds if seconds > 0 else default, most)
