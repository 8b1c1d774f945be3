"""Prove to a registry who is publishing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean
from mcp_registrar_tools.errors import LoginError
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.registries.credentials import Credential
    from mcp_registrar_tools.registries.session import Session
    from mcp_registrar_tools.registries.tokens import Grants

Method = Literal["github", "github-device", "github-oidc", "dns", "http", "oidc", "none"]


class LoginAnswer(Answer):
    """What the login allows. ``pending``: the person still has to type ``code`` at ``visit``."""

    registry: str
    pending: bool = False
    visit: str = ""
    code: str = ""
    subject: str = ""
    may_publish: list[str] = Field(default_factory=list)
    login: str = ""
    note: str = ""

    def lines(self) -> list[str]:
        if self.pending:
            return [f"Not logged in yet: open {self.visit} and enter the code {self.code}"]
        if self.registry == "local":
            return ["The local registry is your own: it asks for no login."]
        who = f" as {clean(self.subject, 200)}" if self.subject else ""
        lines = [f"Logged in to {self.registry}{who} by {self.login}."]
        lines.append(f"May publish: {', '.join(self.may_publish) or 'nothing'}")
        return [*lines, self.note] if self.note else lines

    def exit_code(self) -> int:
        return 1 if self.pending else 0


async def login(
    bench: Workbench,
    registry: Annotated[str, Field(description="as in publish")] = "",
    method: Annotated[Method, Field(description="github: token at hand, else device code")] = "github",
    domain: Annotated[str, Field(description="for dns and http")] = "",
    key_file: Annotated[str, Field(description="private key; for oidc a token file")] = "",
) -> LoginAnswer:
    """Log in and learn what may be published. Secrets come from files, gh or the environment."""
    from mcp_registrar_tools.registries.credentials import OIDC_VARIABLE, Credential
    from mcp_registrar_tools.registries.domain import check_domain, private_path
    from mcp_registrar_tools.registries.names import for_login
    from mcp_registrar_tools.registries.session import Session, check_trust

    place = for_login(bench.settings, registry)
    if place.name == "local":
        return LoginAnswer(registry="local", next='publish(registry="local"), or login(registry="official")')
    bench.outbound.trust(place.url)
    session = Session(bench, place)
    kept = "github" if method == "github-device" else method
    if why := check_trust(place, kept):
        agreed = await bench.ask.confirm(f"{why}. Log in there all the same?")
        if not agreed:
            raise LoginError(
                "registry-unknown" if agreed is None else "declined",
                why,
                f"if you trust it, name it in MCP_REGISTRAR_REGISTRIES (name={place.url}) first",
            )

    secret = ""
    if kept == "github":
        found = await github_secret(bench, session, at_hand=method == "github")
        if isinstance(found, LoginAnswer):
            return found
        secret, source = found
        credential = Credential(method="github", source=source)
    elif kept in ("dns", "http"):
        domain = check_domain(domain)
        credential = Credential(method=kept, source=key_source(bench, domain, key_file), domain=domain)
    elif kept == "oidc":
        credential = Credential(
            method=kept, source=f"file:{private_path(key_file)}" if key_file else f"env:{OIDC_VARIABLE}"
        )
    else:
        credential = Credential(method=kept, source="actions" if kept == "github-oidc" else "")

    grants = await session.exchange(credential, secret)
    credential = await session.store.save(place.url, credential, "" if credential.source else secret)
    session.store.end_flow(place.url)
    return answer(place.name, credential, grants)


def answer(registry: str, credential: Credential, grants: Grants) -> LoginAnswer:
    """What the login allows, and what its kind will never allow."""
    patterns = grants.namespaces()
    note = ""
    if not grants.readable:
        note = "The registry's token does not say what it allows."
    elif refused := here(grants):
        note = refused
    elif credential.method == "github" and len(patterns) < 2:
        note = (
            "No organisation is among them: a registry lists those of which you are Owner, when the token has read:org."
            " Any of your organisations' repositories can publish from GitHub Actions (github-oidc)."
        )
    elif edits := grants.namespaces("edit"):
        note = f"May edit: {clean(', '.join(edits), 300)}"
    elif credential.method == "http":
        note = "A proof over HTTP covers this domain only; one over DNS covers its subdomains too."
    return LoginAnswer(
        registry=registry,
        subject=clean(grants.subject, 200),
        may_publish=[clean(item, 200) for item in patterns],
        login=credential.described(),
        note=note,
        next=f'publish(registry="{registry}")',
    )


def here(grants: Grants) -> str:
    """Why the server in the current folder may not be published with this login; empty when it may or is not there."""
    import json

    from mcp_registrar_tools.registries.tokens import prediction

    try:
        name = str(json.loads(Path("server.json").read_bytes())["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    refused = prediction(grants, clean(name, 200)) if "/" in name else None
    return f"server.json here: {refused[0]}. {refused[1]}" if refused else ""


async def github_secret(bench: Workbench, session: Session, *, at_hand: bool) -> tuple[str, str] | LoginAnswer:
    """A GitHub token and its source (empty: keep it yourself), or the answer that the person has to act first.

    A device login that has begun is taken up again by the next call: that is how clients log in that cannot ask, and
    how a question of the stateless protocol finds the same code when the call is repeated.
    """
    from mcp_registrar_tools.registries import github

    url, store = session.place.url, session.store
    base = (bench.settings.github_url or github.GITHUB_URL).rstrip("/")
    if bench.settings.github_url:
        bench.outbound.trust(base)
    flow = store.flow(url)
    if flow is None:
        if at_hand and (found := await github.token_at_hand()):
            return found
        flow = await github.start_device_flow(bench.outbound, base, await session.client_id())
        store.keep_flow(url, flow)
        resumed = False
    else:
        resumed = True

    went = await bench.ask.visit(f"GitHub asks for the code {flow.code}", flow.url)
    if went is False:
        store.end_flow(url)
        raise LoginError("login-declined", "the login was declined", "log in again if that was a mistake")
    token = None
    if went or resumed:
        patience = bench.ask.patience
        await bench.progress(0, None, f"waiting for the code {flow.code} to be entered at {flow.url}")
        try:
            token = await github.poll_device_flow(bench.outbound, base, flow, patience)
        except LoginError:
            store.end_flow(url)
            raise
        store.keep_flow(url, flow)
    if token:
        return token, ""
    name = session.place.name
    return LoginAnswer(
        registry=name,
        pending=True,
        visit=flow.url,
        code=flow.code,
        next=f'once the code is entered: login(registry="{name}", method="github-device")',
    )


def key_source(bench: Workbench, domain: str, key_file: str) -> str:
    """Where a domain's private key is: the file named, MCP_PRIVATE_KEY, or the file that `create_key` wrote."""
    from mcp_registrar_tools.registries.credentials import KEY_VARIABLE
    from mcp_registrar_tools.registries.domain import key_path, private_path

    if key_file:
        return f"file:{private_path(key_file)}"
    if os.environ.get(KEY_VARIABLE, "").strip():
        return f"env:{KEY_VARIABLE}"
    return f"file:{key_path(bench.settings, domain).absolute()}"
