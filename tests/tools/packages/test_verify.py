# ruff: noqa: E501 - the registry's messages are long, and stand here as they are
"""Every answer a package registry may give, and what is made of it: word for word, over real HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from benchmarks.upstream import Asked, Reply, serve

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.packages import TYPES, cargo, npm, nuget, published, pypi

pytestmark = pytest.mark.anyio

NAME = "io.github.acme/widget"
AGENT = "MCP-Registry-Validator/1.0"
BASE = {"npm": npm.BASE_URL, "pypi": pypi.BASE_URL, "nuget": nuget.BASE_URL, "cargo": cargo.BASE_URL, "mcpb": ""}

Replies = Mapping[str, Reply]
"""``METHOD path`` (or ``METHOD host/path``) -> the answer."""


async def verify(
    kind: str, replies: Replies, *, name: str = NAME, base_url: str | None = None, extras: bool = True, **package: Any
) -> tuple[list[Finding], list[Asked]]:
    """The findings, and what was asked."""

    def answer(asked: Asked) -> Reply | None:
        parts = urlsplit(asked.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        return replies.get(f"{asked.method} {target}") or replies.get(f"{asked.method} {parts.netloc}{target}")

    async with serve(answer) as upstream:
        outbound = Outbound(transport=upstream.transport())
        entry = {"registryType": kind, "identifier": "a-pkg", "version": "1.0.0", **package}
        try:
            where = BASE[kind] if base_url is None else base_url
            found = await TYPES[kind].verify(entry, name, outbound, where, extras=extras)
        finally:
            await outbound.close()
    assert not upstream.unexpected, upstream.unexpected
    assert sum(finding.severity == "error" for finding in found) <= 1
    assert all(finding.hint and finding.layer == "ownership" for finding in found)
    return found, upstream.asked


async def says(kind: str, replies: Replies, message: str, code: str | None = None, **kwargs: Any) -> None:
    found, _ = await verify(kind, replies, **kwargs)
    assert (found[0].severity, found[0].message) == ("error", message)
    if code:
        assert found[0].code == code
        assert (code in published.WAITABLE) == (published.transient(message) or code == "package-not-found")


def text(body: str, status: int = 200, **headers: str) -> Reply:
    return Reply(status, body.encode(), headers)


NPM = "GET /a-pkg/1.0.0"


class TestNpm:
    async def test_the_request_is_that_of_the_registry(self) -> None:
        good = Reply.of({"name": "@acme/srv", "mcpName": NAME})
        found, asked = await verify(
            "npm", {"GET /@acme%2Fsrv/1.0.0+b%2Fx": good}, identifier="@acme/srv", version="1.0.0+b/x"
        )
        assert found == []
        (request,) = asked
        assert request.url == f"{npm.BASE_URL}/@acme%2Fsrv/1.0.0+b%2Fx"
        assert (request.headers["user-agent"], request.headers["accept"]) == (AGENT, "application/json")

    @pytest.mark.parametrize("document", [{}, {"mcpName": None}, {"mcpName": ""}, None])
    async def test_no_mark(self, document: Any) -> None:
        message = (
            "NPM package 'a-pkg' version '1.0.0' is missing required 'mcpName' field. "
            f'Add this to your package.json: "mcpName": "{NAME}"'
        )
        await says("npm", {NPM: Reply.of(document)}, message, "ownership-marker-missing")

    async def test_another_mark_and_the_letter_case(self) -> None:
        message = (
            "NPM package 'a-pkg' version '1.0.0' ownership validation failed. "
            f"Expected mcpName '{NAME}', got 'io.github.Acme/widget'"
        )
        replies = {NPM: Reply.of({"mcpName": "io.github.Acme/widget"})}
        await says("npm", replies, message, "ownership-marker-differs")
        found, _ = await verify("npm", replies)
        assert (found[1].code, found[1].severity) == ("ownership-letter-case", "info")
        assert found[1].message == f"found io.github.Acme/widget, expected {NAME}: only the letter case differs"
        assert len((await verify("npm", replies, extras=False))[0]) == 1
        found, _ = await verify("npm", {NPM: Reply.of({"mcpName": "com.other/thing"})})
        assert found[1].code == "ownership-other-name"

    async def test_keys_are_read_as_go_reads_them(self) -> None:
        assert (await verify("npm", {NPM: text(f'{{"MCPNAME": "{NAME}", "mcpName": null}}')}))[0] == []

    @pytest.mark.parametrize(
        ("body", "reason"),
        [("", "EOF"), ("<html>", "Expecting value"), ("[]", "it is not an object"), ('{"mcpName": 1}', "mcpName is not a string"), ("[" * 100000, "")],
    )  # fmt: skip
    async def test_an_answer_that_cannot_be_read(self, body: str, reason: str) -> None:
        found, _ = await verify("npm", {NPM: text(body)})
        assert found[0].message.startswith(f"failed to parse NPM package metadata: {reason}")
        assert found[0].code == "package-registry-failed"

    @pytest.mark.parametrize(
        ("status", "message", "code"),
        [
            (429, "NPM rate-limited the metadata request for package 'a-pkg' (status: 429). Likely transient, retry later", "package-registry-busy"),
            (500, "NPM upstream error fetching metadata for package 'a-pkg' (status: 500). Likely transient, retry later", "package-registry-busy"),
            (599, "NPM upstream error fetching metadata for package 'a-pkg' (status: 599). Likely transient, retry later", "package-registry-busy"),
            (403, "NPM package 'a-pkg' metadata fetch failed (status: 403)", "package-registry-failed"),
            (204, "NPM package 'a-pkg' metadata fetch failed (status: 204)", "package-registry-failed"),
        ],
    )  # fmt: skip
    async def test_statuses(self, status: int, message: str, code: str) -> None:
        await says("npm", {NPM: text("", status)}, message, code)

    @pytest.mark.parametrize(
        ("head", "message", "code"),
        [
            (200, "NPM package 'a-pkg' exists, but version '1.0.0' was not found (status: 404). A newly published release can take a moment to appear on the registry. Wait and retry, or publish version '1.0.0' before registering it", "package-version-not-found"),
            (404, "NPM package 'a-pkg' not found (status: 404)", "package-not-found"),
            (429, "NPM could not confirm package 'a-pkg' version '1.0.0' (version status: 404, package check inconclusive). Likely transient, retry later", "package-registry-busy"),
            (502, "NPM could not confirm package 'a-pkg' version '1.0.0' (version status: 404, package check inconclusive). Likely transient, retry later", "package-registry-busy"),
            (403, "NPM package 'a-pkg' version '1.0.0' not found (status: 404)", None),
        ],
    )  # fmt: skip
    async def test_what_404_means(self, head: int, message: str, code: str | None) -> None:
        await says("npm", {NPM: text("", 404), "HEAD /a-pkg": text("", head)}, message, code)

    async def test_a_slow_look_at_the_package_is_inconclusive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(published, "PROBE_SECONDS", 0.1)
        found, _ = await verify("npm", {NPM: text("", 404), "HEAD /a-pkg": Reply(200, delay=30)})
        assert "package check inconclusive" in found[0].message

    async def test_redirects_stay_at_npm(self) -> None:
        good = {NPM: text("", 301, location="/moved"), "GET /moved": Reply.of({"mcpName": NAME})}
        assert (await verify("npm", good))[0] == []
        away = {NPM: text("", 301, location="https://evil.example/a-pkg/1.0.0")}
        found, asked = await verify("npm", away)
        assert found[0].message == (
            f"failed to fetch package metadata from NPM: {npm.BASE_URL}/a-pkg/1.0.0: "
            'refusing redirect to unexpected URL "https://evil.example/a-pkg/1.0.0"'
        )
        assert len(asked) == 1
        round_and_round = {NPM: text("", 302, location="/a-pkg/1.0.0")}
        found, asked = await verify("npm", round_and_round)
        assert found[0].message.endswith("stopped after 10 redirects")
        assert len(asked) == 11


PYPI = "GET /pypi/a-pkg/1.0.0/json"
PYPI_NO = (
    f"PyPI package 'a-pkg' ownership validation failed. The server name '{NAME}' must appear as "
    f"'mcp-name: {NAME}' in the package README"
)


def described(readme: str | None) -> Reply:
    return Reply.of({"info": {"description": readme}})


class TestPypi:
    async def test_the_request_is_that_of_the_registry(self) -> None:
        found, asked = await verify("pypi", {PYPI: described(f"<!-- mcp-name: {NAME} -->")})
        assert found == []
        assert asked[0].url == f"{pypi.BASE_URL}/pypi/a-pkg/1.0.0/json"
        assert (asked[0].headers["user-agent"], asked[0].headers["accept"]) == (AGENT, "application/json")

    @pytest.mark.parametrize("reply", [described(None), described("no"), Reply.of({}), Reply.of({"info": None})])
    async def test_no_token(self, reply: Reply) -> None:
        await says("pypi", {PYPI: reply}, PYPI_NO, "ownership-marker-missing")

    async def test_a_token_glued_to_a_full_stop(self) -> None:
        message = (
            f"PyPI package 'a-pkg' ownership validation failed: found 'mcp-name: {NAME}' in the README, but it is "
            'immediately followed by "." rather than a boundary. The token must be followed by a space, newline, an '
            "HTML tag, or a comment close ('-->') — put it on its own line and republish"
        )
        await says("pypi", {PYPI: described(f"It is mcp-name: {NAME}. Yes.")}, message, "ownership-marker-glued")

    async def test_what_the_readme_says_instead(self) -> None:
        found, _ = await verify("pypi", {PYPI: described("mcp-name: io.github.Acme/Widget.")})
        assert [finding.code for finding in found] == ["ownership-marker-missing", "ownership-letter-case"]
        found, _ = await verify("pypi", {PYPI: described("MCP-NAME:a.b/c mcp-name: d.e/f-->")})
        assert found[1].message == f"the README names a.b/c, d.e/f, not {NAME}"

    async def test_404_speaks_of_pypi(self) -> None:
        replies = {PYPI: text("", 404), "HEAD /pypi/a-pkg/json": text("", 200)}
        message = (
            "PyPI package 'a-pkg' exists, but version '1.0.0' was not found (status: 404). A newly published release "
            "can take a moment to appear on PyPI. Wait and retry, or publish version '1.0.0' before registering it"
        )
        await says("pypi", replies, message, "package-version-not-found")
        replies["HEAD /pypi/a-pkg/json"] = text("", 404)
        await says("pypi", replies, "PyPI package 'a-pkg' not found (status: 404)", "package-not-found")

    async def test_statuses(self) -> None:
        tail = "Likely transient, retry later"
        await says(
            "pypi",
            {PYPI: text("", 429)},
            f"PyPI rate-limited the metadata request for package 'a-pkg' (status: 429). {tail}",
        )
        await says(
            "pypi",
            {PYPI: text("", 503)},
            f"PyPI upstream error fetching metadata for package 'a-pkg' (status: 503). {tail}",
        )
        await says("pypi", {PYPI: text("", 410)}, "PyPI package 'a-pkg' metadata fetch failed (status: 410)")


FLAT = "https://api.nuget.org/v3-flatcontainer"
RESOURCES = [
    {"@id": f"{FLAT}/{{lower_id}}/{{lower_version}}/readme", "@type": "ReadmeUriTemplate/6.13.0"},
    {"@id": f"{FLAT}/", "@type": "PackageBaseAddress/3.0.0"},
]
INDEX = {"GET /v3/index.json": Reply.of({"resources": RESOURCES})}
README, VERSIONS = "GET /v3-flatcontainer/a-pkg/1.0.0-rc/readme", "GET /v3-flatcontainer/a-pkg/index.json"
CAMEL = {"identifier": "A-Pkg", "version": "1.0.0-RC+build.1"}
NUGET_FAILED = "NuGet package 'A-Pkg' ownership validation for version 1.0.0-RC+build.1 failed"


class TestNuget:
    async def test_addresses_are_lower_case_without_build_metadata(self) -> None:
        found, asked = await verify("nuget", {**INDEX, README: text(f"mcp-name: {NAME}\n")}, **CAMEL)
        assert found == []
        assert [request.url for request in asked] == [nuget.BASE_URL, f"{FLAT}/a-pkg/1.0.0-rc/readme"]

    async def test_no_token_and_a_glued_one(self) -> None:
        message = (
            f"{NUGET_FAILED}. The server name '{NAME}' must appear as 'mcp-name: {NAME}' in the package README. "
            "Add it to your README and publish a new package version"
        )
        await says("nuget", {**INDEX, README: text("hello")}, message, "ownership-marker-missing", **CAMEL)
        message = (
            f"{NUGET_FAILED}: found 'mcp-name: {NAME}' in the README, but it is immediately followed by another "
            "character rather than a boundary. The token must be followed by a space, newline, an HTML tag, or a "
            "comment close ('-->') — put it on its own line and publish a new package version"
        )
        await says("nuget", {**INDEX, README: text(f"mcp-name: {NAME}/x")}, message, "ownership-marker-glued", **CAMEL)

    async def test_no_readme(self) -> None:
        missing = {**INDEX, README: text("", 404)}
        there = {**missing, VERSIONS: Reply.of({"versions": ["0.9.0", "1.0.0-Rc"]})}
        message = f"{NUGET_FAILED} because it does not have an embedded README. Add one to your package and publish a new version"
        await says("nuget", there, message, "ownership-marker-missing", **CAMEL)
        message = (
            "NuGet package 'A-Pkg' exists but version 1.0.0-RC+build.1 does not exist in the registry. If you recently "
            "published the version, wait for validation to complete"
        )
        await says("nuget", {**missing, VERSIONS: Reply.of({})}, message, "package-version-not-found", **CAMEL)
        message = (
            "NuGet package 'A-Pkg' does not exist in the registry. If you recently published the package for the first "
            "time, wait for validation to complete"
        )
        await says("nuget", {**missing, VERSIONS: text("", 404)}, message, "package-not-found", **CAMEL)

    async def test_statuses(self) -> None:
        await says("nuget", {"GET /v3/index.json": text("", 500)}, "NuGet service index returned status 500")
        await says("nuget", {**INDEX, README: text("", 403)}, "NuGet README request returned status 403", **CAMEL)
        gone = {**INDEX, README: text("", 404), VERSIONS: text("", 410)}
        await says("nuget", gone, "NuGet package index returned status 410", **CAMEL)
        empty = {"GET /v3/index.json": Reply.of({"resources": []})}
        message = "failed to get README URL template: ReadmeUriTemplate/6.13.0 not found in service index"
        await says("nuget", empty, message)
        half = {"GET /v3/index.json": Reply.of({"resources": RESOURCES[:1]}), README: text("", 404)}
        message = "failed to get Package Base URL: PackageBaseAddress/3.0.0 not found in service index"
        await says("nuget", half, message, **CAMEL)

    async def test_only_the_first_5_mib_of_a_readme_are_read(self) -> None:
        padding = "x" * (published.README_LIMIT - 20)
        assert (await verify("nuget", {**INDEX, README: text(f"{padding} mcp-name: {NAME}")}, **CAMEL))[0]
        early = text(f"mcp-name: {NAME} {padding}{padding}")
        assert (await verify("nuget", {**INDEX, README: early}, **CAMEL))[0] == []


CRATE = "/api/v1/crates/a-pkg/1.0.0"
META = {f"GET {CRATE}/readme": Reply.of({"url": "https://static.crates.io/readmes/a.html"})}
HTML = "GET static.crates.io/readmes/a.html"
WHICH = "cargo package 'a-pkg' version '1.0.0'"


class TestCargo:
    async def test_the_requests_are_those_of_the_registry(self) -> None:
        found, asked = await verify("cargo", {**META, HTML: text(f"<p>mcp-name: {NAME}</p>")})
        assert found == []
        assert [(a.url, a.headers["accept"]) for a in asked] == [
            (f"https://crates.io{CRATE}/readme", "application/json"),
            ("https://static.crates.io/readmes/a.html", "text/html"),
        ]
        assert {a.headers["user-agent"] for a in asked} == {f"{AGENT} (https://registry.modelcontextprotocol.io)"}

    async def test_no_token_and_a_glued_one(self) -> None:
        message = (
            f"cargo package 'a-pkg' ownership validation failed. The server name '{NAME}' must appear as "
            f"'mcp-name: {NAME}' in the package README"
        )
        await says("cargo", {**META, HTML: text("<p></p>")}, message, "ownership-marker-missing")
        message = (
            f"cargo package 'a-pkg' ownership validation failed: found 'mcp-name: {NAME}' in the README, but it is "
            'immediately followed by "-" rather than a boundary. The token must be followed by a space, newline, or an '
            "HTML tag — put it on its own line and publish a new version"
        )
        await says("cargo", {**META, HTML: text(f"mcp-name: {NAME}-pro")}, message, "ownership-marker-glued")

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (404, "cargo package 'a-pkg' metadata fetch failed (status: 404)"),
            (429, "crates.io rate-limited the metadata request for cargo package 'a-pkg' (status: 429) — likely transient, retry later"),
            (502, "crates.io upstream error fetching metadata for cargo package 'a-pkg' (status: 502) — likely transient, retry later"),
        ],
    )  # fmt: skip
    async def test_statuses_of_the_metadata(self, status: int, message: str) -> None:
        await says("cargo", {f"GET {CRATE}/readme": text("", status)}, message)

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (404, f"{WHICH} README fetch failed (status: 404)"),
            (429, f"crates.io rate-limited the README fetch for {WHICH} (status: 429) — likely transient, retry later"),
            (500, f"crates.io upstream error fetching README for {WHICH} (status: 500) — likely transient, retry later"),
        ],
    )  # fmt: skip
    async def test_statuses_of_the_readme(self, status: int, message: str) -> None:
        await says("cargo", {**META, HTML: text("", status)}, message)

    @pytest.mark.parametrize(
        ("status", "message", "code"),
        [
            (200, f"{WHICH} exists on crates.io, but its rendered README could not be retrieved (status: 403). If it has no README, add one containing 'mcp-name: {NAME}' and publish a new version", "ownership-marker-missing"),
            (404, f"{WHICH} not found on crates.io", None),
            (429, f"crates.io could not confirm {WHICH} (README status: 403, version check inconclusive) — likely transient, retry later", "package-registry-busy"),
            (418, f"{WHICH} not found on crates.io (status: 403)", None),
        ],
    )  # fmt: skip
    async def test_what_403_means(self, status: int, message: str, code: str | None) -> None:
        await says("cargo", {**META, HTML: text("", 403), f"GET {CRATE}": text("", status)}, message, code)

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/r",
            "http://static.crates.io/r",
            "https://static.crates.io:8443/r",
            "https://u:p@evil.example/r",
        ],
    )
    async def test_a_readme_elsewhere_is_not_fetched(self, url: str) -> None:
        found, asked = await verify("cargo", {f"GET {CRATE}/readme": Reply.of({"url": url})})
        shown = url.replace("u:p@", "")
        assert found[0].message == (
            f"cargo package 'a-pkg': crates.io returned a README URL on an unexpected host/scheme \"{shown}\" "
            "— refusing to fetch"
        )
        assert len(asked) == 1

    async def test_metadata_without_a_usable_url(self) -> None:
        await says(
            "cargo",
            {f"GET {CRATE}/readme": Reply.of({})},
            "cargo package 'a-pkg' metadata response missing 'url' field",
        )
        for url in ("/relative", "https://[::1"):
            await says(
                "cargo",
                {f"GET {CRATE}/readme": Reply.of({"url": url})},
                "cargo package 'a-pkg': crates.io returned an unparseable README URL",
            )

    async def test_a_mirror_serves_its_own_readme(self) -> None:
        replies = {
            f"GET {CRATE}/readme": Reply.of({"url": "http://crates.test:99/r"}),
            "GET /r": text(f"mcp-name: {NAME}"),
        }
        assert (await verify("cargo", replies, base_url="http://crates.test:99"))[0] == []


ASSET = "https://github.com/acme/widget-mcp/releases/download/v1.0.0/widget.mcpb"
PATH = urlsplit(ASSET).path


def bundle(**manifest: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    return buffer.getvalue()


async def mcpb(head: Reply, get: Reply | None = None, **package: Any) -> tuple[list[Finding], list[Asked]]:
    replies = {f"HEAD {PATH}": head, **({f"GET {PATH}": get} if get else {})}
    package = {"identifier": ASSET, "version": "", "fileSha256": "0" * 64, **package}
    return await verify("mcpb", replies, extras=get is not None, **package)


class TestMcpb:
    async def test_there_or_moved_is_enough(self) -> None:
        for head in (Reply(200), text("", 302, location="https://objects.example/x"), text("", 307, location="/y")):
            found, asked = await mcpb(head)
            assert (found, len(asked)) == ([], 1)
            assert asked[0].headers["user-agent"] == AGENT

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (404, "package-not-found"),
            (403, "package-registry-failed"),
            (302, "package-registry-failed"),
            (503, "package-registry-busy"),
        ],
    )
    async def test_statuses(self, status: int, code: str) -> None:
        found, _ = await mcpb(Reply(status))
        assert (found[0].code, found[0].message) == (
            code,
            f"MCPB package '{ASSET}' is not publicly accessible (status: {status})",
        )

    async def test_the_file_itself_never_changes_the_verdict(self) -> None:
        body = bundle(name="widget", version="1.0.0")
        digest = hashlib.sha256(body).hexdigest()
        assert (await mcpb(Reply(), Reply(body=body), fileSha256=digest, version="1.0.0"))[0] == []
        found, _ = await mcpb(Reply(), Reply(body=body), version="1.0.1")
        assert [(f.code, f.severity) for f in found] == [
            ("mcpb-hash-differs", "warning"),
            ("mcpb-version-differs", "info"),
        ]
        assert digest in (found[0].hint or "")
        found, _ = await mcpb(Reply(), Reply(body=bundle(name="other")))
        assert "the bundle's manifest is named other, the server io.github.acme/widget" in [f.message for f in found]
        for odd in (b"not a zip", bundle()[:30]):
            assert "mcpb-no-manifest" in [f.code for f in (await mcpb(Reply(), Reply(body=odd)))[0]]
        assert [f.code for f in (await mcpb(Reply(), Reply(404)))[0]] == ["mcpb-not-compared"]

    async def test_the_download_follows_to_the_host_that_keeps_the_files(self) -> None:
        body = bundle(name="widget")
        replies = {
            f"HEAD {PATH}": text("", 302, location="https://objects.example/x"),
            f"GET {PATH}": text("", 302, location="https://objects.example/x"),
            "GET objects.example/x": Reply(body=body),
        }
        package = {"identifier": ASSET, "version": "", "fileSha256": hashlib.sha256(body).hexdigest()}
        assert (await verify("mcpb", replies, **package))[0] == []

    async def test_a_slow_download_leaves_the_verdict_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mcp_registrar_tools.packages.mcpb.DOWNLOAD_SECONDS", 0.2)
        found, _ = await mcpb(Reply(), Reply(body=b"x", delay=30))
        assert [(f.code, f.severity) for f in found] == [("mcpb-not-compared", "info")]
        assert "not finished within 0.2 s" in found[0].message


async def test_everything_asked_of_a_package_fits_into_its_time() -> None:
    """An extra question must not run into the limit of the package: it would turn a yes into a no."""
    from mcp_registrar_tools.images import credentials, distribution
    from mcp_registrar_tools.packages import mcpb as bundles
    from mcp_registrar_tools.rules.ownership import PACKAGE_SECONDS

    assert published.SECONDS + bundles.DOWNLOAD_SECONDS < PACKAGE_SECONDS
    assert 3 * published.SECONDS + published.PROBE_SECONDS < PACKAGE_SECONDS
    assert distribution.SECONDS + credentials.HELPER_SECONDS + 10 < PACKAGE_SECONDS
