"""The tool: files and inline documents, fixes written and told, the report in every format, hostile documents."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.validate import bench, hostile, large, project, typical

from mcp_registrar_tools.errors import InputError, RegistrarError
from mcp_registrar_tools.manifest import schemas
from mcp_registrar_tools.report import ValidationReport
from mcp_registrar_tools.validate import UNREACHED, validate

pytestmark = pytest.mark.anyio

SEED = """{
\t"$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json",
\t"name": "io.github.example/weather-server",
\t"description": "Forecasts",
\t"status": "active",
\t"repository": {"url": "https://github.com/example/weather-server", "source": "github"},
\t"version": "1.4.2",
\t"packages": [
\t\t{"registry_type": "npm", "registry_base_url": "https://npm.example.com", "identifier": "@example/weather-server",
\t\t "version": "1.4.2", "transport": {"type": "stdio"},
\t\t "environment_variables": [{"name": "API_KEY", "is_required": true, "is_secret": true}]}
\t],
\t"_meta": {"io.modelcontextprotocol.registry/publisher-provided": {"build_tool": {"is_required": 1}}}
}
"""


async def run(path: Path | str = ".", **arguments: Any) -> ValidationReport:
    return await validate(bench(), str(path), **arguments)


def found(report: ValidationReport) -> dict[str, tuple[int | None, int | None]]:
    return {finding.code: (finding.line, finding.column) for finding in reversed(report.findings)}


async def test_a_good_project(tmp_path: Path) -> None:
    report = await run(project(tmp_path))
    assert report.valid
    assert report.findings == []
    assert report.next == f'publish(path="{tmp_path}/server.json")'
    assert report.text().startswith(f"{tmp_path}/server.json (io.github.example/weather-server 1.4.2): valid\n")
    assert report.exit_code() == 0


async def test_the_first_announcement_s_example_is_migrated_in_one_call(tmp_path: Path) -> None:
    project(tmp_path)
    path = tmp_path / "server.json"
    path.write_bytes(SEED.replace("\n", "\r\n").encode())
    before = await run(tmp_path)
    assert not before.valid
    assert before.next == f'validate(path="{path}", fix=true)'
    after = await run(tmp_path, fix=True)
    assert after.valid, after.text()
    assert not after.counts["error"]
    written = path.read_bytes().decode()
    assert written.count("\r\n") == written.count("\n")
    assert "\r\n\t\t{" in written
    document = json.loads(written)
    assert document["$schema"] == schemas.CURRENT_URL
    assert document["_meta"] == json.loads(SEED)["_meta"]
    assert "-\t" in after.diff
    assert "registry_type is now called registryType (in packages)" in after.changes
    assert [str(file) for file in after.files()] == [after.path]
    again = await run(tmp_path, fix=True)
    assert again.valid
    assert not again.changes
    assert not again.diff
    assert path.read_bytes().decode() == written


async def test_inline_documents_are_not_written(tmp_path: Path) -> None:
    given = json.loads(SEED)
    kept = json.dumps(given)
    report = await run(tmp_path, document=given, fix=True)
    assert report.valid
    assert report.document is not None
    assert report.document["packages"][0]["registryType"] == "npm"
    assert json.dumps(given) == kept
    assert not list(tmp_path.iterdir())
    assert "validate(" not in report.next


async def test_lines_and_columns(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(SEED)
    places = found(await run(tmp_path, detail="full"))
    assert places["schema-version-deprecated"] == (2, 2)
    assert places["unexpected-property"] == (9, 4)
    assert places["registry-base-url-mismatch"] == (9, 28)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "json-syntax"),
        ("{,}", "json-syntax"),
        ("[]", "not-an-object"),
        ("[" * 10_000 + "]" * 10_000, "json-too-deep"),
    ],
)
async def test_what_is_no_document_is_a_finding(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "server.json").write_text(text)
    for fix in (False, True):
        report = await run(tmp_path, fix=fix)
        assert not report.valid
        assert set(found(report)) == {code}
        assert (tmp_path / "server.json").read_text() == text


async def test_a_byte_order_mark_goes_with_fix(tmp_path: Path) -> None:
    path = project(tmp_path) / "server.json"
    text = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert "byte-order-mark" in found(await run(path))
    report = await run(path, fix=True)
    assert report.valid
    assert report.changes == ["the byte-order mark is gone"]
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "code"), [("nothing", "path-not-found"), ("empty", "manifest-not-found"), ("link", "path-outside-project")]
)
async def test_paths_that_cannot_be_used(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "link").mkdir()
    (tmp_path / "link/server.json").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError) as caught:
        await run(tmp_path / name, fix=True)
    assert caught.value.code == code
    assert (tmp_path / "secret").read_text() == "{}"


async def test_concise_answers_stay_short(tmp_path: Path) -> None:
    document = {**typical(), "packages": [{"registryType": "x" * 500, f"unknown{i}": 1} for i in range(300)]}
    concise, full = await run(document=document), await run(document=document, detail="full")
    assert len(concise.text()) < 4096
    assert len(full.text()) < 8192
    assert len(concise.findings) <= 30 < len(full.findings)
    assert concise.counts == full.counts
    assert "more" in concise.text()
    severities = [finding.severity for finding in full.findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


async def test_sarif_and_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("server.json").write_text(SEED.replace("Forecasts", "Fore\\u00e9casts, 100%,\\nall: of them " + "x" * 100))
    report = await run(".", detail="full")
    sarif = json.loads(report.render("sarif"))
    (one,) = sarif["runs"]
    assert {result["ruleId"] for result in one["results"]} == {rule["id"] for rule in one["tool"]["driver"]["rules"]}
    result = next(result for result in one["results"] if result["ruleId"] == "too-long")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "server.json"}, "region": {"startLine": 4, "startColumn": 2}}
    assert result["level"] == "error"
    lines = report.render("github").split("\n")
    assert len(lines) == len(report.findings)
    assert all(
        line.startswith(("::error file=server.json,line=", "::warning file=", "::notice file=")) for line in lines
    )
    assert report.FORMATS == ("sarif", "github")


def change(folder: Path, file: str, /, **fields: Any) -> None:
    path = folder / file
    document = json.loads(path.read_text())
    document.update(fields)
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        ("package.json", {"version": "1.5.0"}, "package-version-differs"),
        ("package.json", {"mcpName": "io.github.Example/weather-server"}, "marker-differs"),
        ("package.json", {"mcpName": None}, "marker-missing"),
        ("package.json", {"name": "@example/other"}, "identifier-differs"),
        ("package.json", {"bin": {"one": "1.js", "two": "2.js"}}, "npx-cannot-choose"),
        ("package.json", {"private": True}, "package-private"),
        ("server.json", {"name": "io.github.EXAMPLE/weather-server"}, "namespace-owner-case"),
        ("server.json", {"name": "io.github.other/weather-server"}, "namespace-owner-differs"),
        ("server.json", {"version": "1.4.3"}, "server-version-differs"),
        (
            "server.json",
            {"repository": {"url": "https://github.com/example/old", "source": "github"}},
            "repository-differs",
        ),
        (
            "server.json",
            {"repository": {**typical()["repository"], "subfolder": "packages/none"}},
            "subfolder-missing",
        ),
    ],
)
async def test_the_manifest_against_its_project(tmp_path: Path, name: str, fields: dict[str, Any], code: str) -> None:
    folder = project(tmp_path)
    assert found(await run(folder)) == {}
    change(folder, name, **fields)
    report = await run(folder)
    assert code in found(report)
    (finding,) = [finding for finding in report.findings if finding.code == code]
    assert finding.layer == "consistency"
    assert finding.hint
    assert report.valid, "what the registry does not see makes nothing invalid"


async def test_a_project_is_read_again_when_it_changed(tmp_path: Path) -> None:
    folder = project(tmp_path)
    for version in ("2.0.0", "1.4.2", "3.0.0"):
        change(folder, "package.json", version=version)
        assert ("package-version-differs" in found(await run(folder))) is (version != "1.4.2")


async def test_a_version_kept_elsewhere_is_read_again_too(tmp_path: Path) -> None:
    document = {
        **typical(),
        "packages": [{**typical()["packages"][0], "registryType": "pypi", "identifier": "weather"}],
    }
    (tmp_path / "server.json").write_text(json.dumps(document))
    (tmp_path / "README.md").write_text(f"mcp-name: {document['name']}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "weather"\ndynamic = ["version"]\nreadme = "README.md"\nscripts = { weather = "w:main" }\n'
        '[tool.hatch.version]\npath = "src/weather/__init__.py"\n'
    )
    source = tmp_path / "src/weather/__init__.py"
    source.parent.mkdir(parents=True)
    for version in ("1.4.2", "1.5.0", "1.4.2"):
        source.write_text(f'__version__ = "{version}"\n')
        assert ("package-version-differs" in found(await run(tmp_path))) is (version != "1.4.2")


async def test_a_package_of_a_monorepo(tmp_path: Path) -> None:
    project(tmp_path)
    inner = tmp_path / "packages/weather"
    inner.mkdir(parents=True)
    (tmp_path / "package.json").rename(inner / "package.json")
    assert found(await run(tmp_path)) == {}
    change(inner, "package.json", version="9.0.0")
    assert set(found(await run(tmp_path))) == {"package-version-differs"}
    (tmp_path / "server.json").rename(inner / "server.json")
    report = await run(tmp_path)
    assert report.path == str(inner / "server.json")
    assert set(found(report)) == {"package-version-differs", "subfolder-unsaid"}


async def test_hostile_documents_end_quickly() -> None:
    """Deep, long, many, odd: no crash, and an answer that can be sent. Measured more strictly by the benchmark."""
    codes = set()
    for name, document in hostile().items():
        for fix in (False, True):
            start = time.perf_counter()
            try:
                report = await run(document=document, fix=fix)
                report.text().encode("utf-8")
                report.model_dump_json()
                assert len(report.text()) < 8192
            except RegistrarError as error:
                codes.add(error.code)
            assert time.perf_counter() - start < 10, (name, fix)
    assert codes == {"json-too-deep"}


async def test_size_is_bounded_and_linear() -> None:
    async def seconds(size: int) -> float:
        start = time.perf_counter()
        await run(document=large(size))
        return time.perf_counter() - start

    await seconds(10_000)
    small, big = await seconds(100_000), await seconds(2_000_000)
    assert big < 20 * small * 8
    with pytest.raises(InputError) as caught:
        await seconds(11_000_000)
    assert caught.value.code == "document-too-large"
    report = await run(document=large(1_500_000))
    assert "body-too-large" in found(report)


async def test_a_path_is_told_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model does not know in which folder the server was started."""
    folder = project(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert (await run(folder)).next == f'publish(path="{folder}/server.json")'
    assert (await run(folder.relative_to(tmp_path.parent))).next == (
        f'publish(path="{folder.relative_to(tmp_path.parent)}/server.json")'
    )


async def test_sarif_names_the_file_by_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a b: ü"
    folder.mkdir()
    (folder / "server.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    for given in (folder, Path(folder.name)):
        report = await run(given)
        sarif = json.loads(report.render("sarif"))
        for result in sarif["runs"][0]["results"]:
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert uri == "./a%20b%3A%20%C3%BC/server.json"
        assert "file=a b%3A ü/server.json" in report.render("github")


async def test_a_package_registry_that_does_not_answer_is_no_place_to_correct(tmp_path: Path) -> None:
    package = {"registryType": "pypi", "identifier": "x", "version": "1.0.0", "transport": {"type": "stdio"}}
    document = {
        "$schema": schemas.CURRENT_URL, "name": "io.github.example/xx", "description": "x", "version": "1.0.0",
        "packages": [package],
    }  # fmt: skip
    (tmp_path / "server.json").write_text(json.dumps(document))
    unreachable = bench()
    unreachable.settings = replace(unreachable.settings, pypi_url="http://127.0.0.1:9")
    report = await validate(unreachable, str(tmp_path), ownership=True)
    assert not report.valid
    assert {f.code for f in report.findings if f.severity == "error"} <= UNREACHED
    assert report.next.startswith("validate(path=")
    assert "ownership=true" in report.next
    assert "correct" not in report.next
