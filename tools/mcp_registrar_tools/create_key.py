"""A key pair that proves a domain, and whether the world can see it."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field

from mcp_registrar_tools.answer import Answer
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Workbench


class KeyAnswer(Answer):
    """``record`` is what to publish at ``place``; ``seen`` are the keys found there, ``visible`` if ours counts."""

    domain: str
    key_file: str
    created: bool
    place: str
    record: str
    visible: bool
    seen: list[str] = Field(default_factory=list)
    problem: str = ""
    remedy: str = ""

    def lines(self) -> list[str]:
        verb = "Made" if self.created else "Using"
        lines = [f"{verb} the key for {self.domain} in {self.key_file} (private: keep it so)."]
        if self.visible:
            lines.append(f"The world sees it: {self.place}.")
        else:
            lines += [f"Publish this as {self.place}:", self.record]
            if self.problem:
                lines.append(f"Now: {self.problem}")
        remedy = self.remedy.replace(f"the TXT record {self.record!r}", "it").replace(repr(self.record), "it")
        return [*lines, f"Do: {remedy}"] if remedy else lines


async def create_key(
    bench: Workbench,
    domain: Annotated[str, Field(description="such as example.com")],
    algorithm: Annotated[Literal["ed25519", "ecdsap384"], Field(description="of a new key")] = "ed25519",
    key_file: Annotated[str, Field(description="private key, never overwritten")] = "",
    method: Annotated[Literal["dns", "http"], Field(description="TXT record or web file")] = "dns",
) -> KeyAnswer:
    """Make or take a domain's key, show its record, check what the world sees."""
    from mcp_registrar_tools.manifest.files import write_atomic
    from mcp_registrar_tools.registries import domain as domains
    from mcp_registrar_tools.registries import signing

    domain = domains.check_domain(domain)
    path = domains.private_path(key_file) if key_file else domains.key_path(bench.settings, domain)
    created = False
    try:
        exists = path.exists()
        if not exists:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = signing.generate(algorithm)
            write_atomic(path, key.secret_hex().encode() + b"\n", mode=0o600)
            created = True
        else:
            key = signing.read_key(path)
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise InputError(
                    "key-exposed",
                    f"{path} can be read by others on this machine",
                    f"chmod 600 {path}, or make a new key",
                )
    except OSError as error:
        raise InputError("key-file", f"{path}: {error.strerror}", "name another key_file") from None

    sight = await domains.look(bench, domain, method, key)
    place = f"TXT record of {domain}" if method == "dns" else f"https://{domain}{domains.WELL_KNOWN}"
    arguments = f'domain="{domain}"' + (f', key_file="{path}"' if key_file else "")
    if sight.matches and not sight.problem:
        following = f'login(registry="official", method="{method}", {arguments})'
    else:
        following = f'publish the record, then create_key({arguments}, method="{method}") to check'
    return KeyAnswer(
        domain=domain,
        key_file=str(path),
        created=created,
        place=place,
        record=key.record,
        visible=sight.matches and not sight.problem,
        seen=sight.keys,
        problem=sight.problem,
        remedy=sight.remedy,
        next=following,
    )
