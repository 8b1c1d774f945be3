"""What the one who runs a registry can set.

The names are the official registry's own settings (prefix ``MCP_REGISTRY_``), so an operator's environment works
here unchanged; ours, which the official one lacks, carry the same prefix. See docs/registry.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Settings

PREFIX = "MCP_REGISTRY_"
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class RegistryConfig:
    """Settings of one running registry; each field is the environment variable of its name in capitals."""

    version: str = field(default="", metadata={"help": "version told by /version; ours when unset"})
    jwt_private_key: str = field(
        default="",
        repr=False,
        metadata={"help": "64 hex digits: the Ed25519 seed that signs tokens; kept in the store when unset"},
    )
    enable_anonymous_auth: bool = field(
        default=False, metadata={"help": "anybody may publish io.modelcontextprotocol.anonymous/*"}
    )
    github_client_id: str = field(default="", metadata={"help": "GitHub app for device login, told by /health"})
    github_oidc_audience: str = field(
        default="", metadata={"help": "audience that GitHub Actions tokens must carry; unset refuses them"}
    )
    oidc_enabled: bool = field(default=False, metadata={"help": "accept tokens of an OpenID Connect issuer"})
    oidc_issuer: str = field(default="", metadata={"help": "that issuer"})
    oidc_client_id: str = field(default="", metadata={"help": "audience of its tokens"})
    oidc_extra_claims: str = field(
        default="", metadata={"help": "JSON array of objects: claims that a token must carry"}
    )
    oidc_edit_permissions: str = field(default="", metadata={"help": "name patterns such a token may edit"})
    oidc_publish_permissions: str = field(default="", metadata={"help": "name patterns it may publish"})
    blocked_namespaces: str = field(default="", metadata={"help": "namespaces nobody gets a token for"})
    # Where the outside is reached; the defaults are the real ones.
    github_api_url: str = field(default="https://api.github.com", metadata={"help": "GitHub's API"})
    github_oidc_issuer: str = field(default=GITHUB_ISSUER, metadata={"help": "issuer of GitHub Actions tokens"})
    github_jwks_url: str = field(default="", metadata={"help": "its keys, when not below the issuer"})
    dns_server: str = field(default="", metadata={"help": "`address:port` to ask for TXT records"})
    trusted_origins: str = field(
        default="", metadata={"help": "origins that may be private or plain http when keys are fetched"}
    )
    http_auth_origin: str = field(
        default="", metadata={"help": "origin asked for /.well-known/mcp-registry-auth in place of the domain's own"}
    )
    ownership: Literal["enforce", "report", "off"] = field(
        default="enforce", metadata={"help": "whether published packages must name the server"}
    )
    # Not from the environment.
    owner: bool = field(default=False, metadata={"internal": True})
    settings: Any = field(default=None, repr=False, metadata={"internal": True})

    @classmethod
    def for_owner(cls, settings: Settings) -> RegistryConfig:
        """The registry inside the process of the one who owns it."""
        return cls(
            owner=True,
            ownership=settings.ownership,
            trusted_origins=",".join(settings.trusted_origins),
            settings=settings,
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], settings: Settings | None = None) -> RegistryConfig:
        """Read ``MCP_REGISTRY_*``. Raises `InputError` for a value that cannot be used."""
        values: dict[str, Any] = {"settings": settings}
        if settings is not None:
            values["ownership"] = settings.ownership
            values["dns_server"] = settings.dns_server or ""
            values["trusted_origins"] = ",".join(settings.trusted_origins)
            if settings.github_api_url:
                values["github_api_url"] = settings.github_api_url
        checks = environ.get(PREFIX + "ENABLE_REGISTRY_VALIDATION")
        if checks:
            values["ownership"] = "enforce" if _flag("ENABLE_REGISTRY_VALIDATION", checks) else "off"
        for each in fields(cls):
            text = environ.get(PREFIX + each.name.upper(), "").strip()
            if not text or each.metadata.get("internal"):
                continue
            values[each.name] = _flag(each.name.upper(), text) if isinstance(each.default, bool) else text
        config = cls(**values)
        config.check()
        return config

    def check(self) -> None:
        """Refuse what could only fail later."""
        if self.jwt_private_key:
            try:
                valid = len(bytes.fromhex(self.jwt_private_key)) == 32
            except ValueError:
                valid = False
            if not valid:
                raise _bad("JWT_PRIVATE_KEY", "it must be 64 hex digits (32 bytes)")
        if self.ownership not in ("enforce", "report", "off"):
            raise _bad("OWNERSHIP", "it must be enforce, report or off")
        if self.oidc_enabled and not (self.oidc_issuer and self.oidc_client_id):
            raise _bad("OIDC_ENABLED", "it needs OIDC_ISSUER and OIDC_CLIENT_ID too")
        self.extra_claims()

    def extra_claims(self) -> list[dict[str, Any]]:
        """The claims an OpenID Connect token must carry: every key of every object."""
        if not self.oidc_extra_claims:
            return []
        try:
            claims = json.loads(self.oidc_extra_claims)
        except ValueError:
            claims = None
        if not isinstance(claims, list) or not all(isinstance(each, dict) for each in claims):
            raise _bad("OIDC_EXTRA_CLAIMS", "it must be a JSON array of objects")
        return claims

    def listed(self, text: str) -> list[str]:
        """The parts of a comma-separated setting."""
        return [part.strip() for part in text.split(",") if part.strip()]


def _flag(name: str, text: str) -> bool:
    if text.lower() in ("1", "t", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "f", "false", "no", "off"):
        return False
    raise _bad(name, "it must be true or false")


def _bad(name: str, why: str) -> InputError:
    return InputError("registry-setting", f"{PREFIX}{name} cannot be used: {why}", f"set {PREFIX}{name} again")
