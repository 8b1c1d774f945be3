"""Ownership markers written into package.json, READMEs and Dockerfiles: those lines and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_registrar_tools.packages import TYPES
from mcp_registrar_tools.packages.found import Marker
from mcp_registrar_tools.project import dockerfile, readme
from mcp_registrar_tools.project.edits import Edit

NAME = "io.github.Acme/weather"
LABEL = "io.modelcontextprotocol.server.name"


def npm(path: Path) -> Edit | None:
    return TYPES["npm"].write_marker(Marker(file=path, state="missing", text=""), NAME)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{\n  "name": "w",\n  "version": "1"\n}\n', b'{\n  "name": "w",\n  "mcpName": "@@",\n  "version": "1"\n}\n'),
        (
            b'{\r\n\t"name": "w",\r\n\t"files": ["a", "b"]\r\n}',
            b'{\r\n\t"name": "w",\r\n\t"mcpName": "@@",\r\n\t"files": ["a", "b"]\r\n}',
        ),
        (b'{\n    "name": "w"\n}', b'{\n    "name": "w",\n    "mcpName": "@@"\n}'),
        (b'\xef\xbb\xbf{\n  "name": "w"\n}\n', b'\xef\xbb\xbf{\n  "name": "w",\n  "mcpName": "@@"\n}\n'),
        (b'{\n  "mcpName":   "old/name",\n  "name": "w"\n}\n', b'{\n  "mcpName":   "@@",\n  "name": "w"\n}\n'),
        (b'{ "version": "1", "name": "w" }', b'{ "version": "1", "name": "w", "mcpName": "@@" }'),
    ],
)
def test_package_json(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "package.json"
    path.write_bytes(before)
    edit = npm(path)
    assert edit is not None
    assert edit.after == after.replace(b"@@", NAME.encode())
    path.write_bytes(edit.after)
    assert npm(path) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Weather\n\nText\n", "# Weather\n\n<!-- @@ -->\n\nText\n"),
        ("# Weather\r\nText\r\n", "# Weather\r\n\r\n<!-- @@ -->\r\n\r\nText\r\n"),
        ("# Weather\n", "# Weather\n\n<!-- @@ -->\n"),
        ("# Weather", "# Weather\n\n<!-- @@ -->"),
        ("no heading\n", "<!-- @@ -->\n\nno heading\n"),
        ("---\ntitle: x\n---\n# Weather\n", "---\ntitle: x\n---\n# Weather\n\n<!-- @@ -->\n"),
        ("# W\n<!-- mcp-name: io.github.old/wx -->\nText", "# W\n<!-- @@ -->\nText"),
        ("# W\n`mcp-name: io.github.old/wx`.\n", "# W\n`@@`.\n"),
        ("# W\n\nmcp-name: io.github.Acme/weather.\n", "# W\n\n<!-- @@ -->\n\nmcp-name: io.github.Acme/weather.\n"),
        ("", "<!-- @@ -->\n"),
    ],
)
def test_a_readme(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(before.encode())
    edit = readme.put_token(path, NAME)
    assert edit is not None
    assert edit.after.decode() == after.replace("@@", f"mcp-name: {NAME}")
    path.write_bytes(edit.after)
    assert readme.put_token(path, NAME) is None


def test_a_restructured_readme_gets_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "README.rst"
    path.write_text("Weather\n=======\n\nText\n")
    edit = readme.put_token(path, NAME)
    assert edit is not None
    assert edit.after.decode() == f"Weather\n=======\n\n.. mcp-name: {NAME}\n\nText\n"


def test_crates_need_visible_text(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"# W\n<!-- mcp-name: {NAME} -->\n")
    edit = readme.put_token(path, NAME, visible=True)
    assert edit is not None
    assert f"\nmcp-name: {NAME}\n" in edit.after.decode()
    path.write_bytes(edit.after)
    assert TYPES["cargo"].write_marker(Marker(file=path, state="present", text=""), NAME) is None


def test_a_readme_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnicodeDecodeError):
        readme.put_token(path, NAME)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM a\nRUN x\n", "FROM a\nLABEL @@\nRUN x\n"),
        ("FROM a AS b\nRUN x\nFROM c\nCMD y", "FROM a AS b\nRUN x\nFROM c\nLABEL @@\nCMD y"),
        ("FROM a", "FROM a\nLABEL @@"),
        ("# note\r\nFROM a\r\nRUN x\r\n", "# note\r\nFROM a\r\nLABEL @@\r\nRUN x\r\n"),
        (f'FROM a\nLABEL {LABEL}="old/name" other=1\n', "FROM a\nLABEL @@ other=1\n"),
        (f"FROM a\nLABEL x=1 \\\n      {LABEL}=old \\\n      y=2\n", "FROM a\nLABEL x=1 \\\n      @@ \\\n      y=2\n"),
        (f"FROM a\nLABEL {LABEL}=old\nFROM b\n", f"FROM a\nLABEL {LABEL}=old\nFROM b\nLABEL @@\n"),
        (
            "FROM --platform=$BUILDPLATFORM \\\n  a AS b\nRUN <<EOF\nFROM not\nEOF\n",
            "FROM --platform=$BUILDPLATFORM \\\n  a AS b\nLABEL @@\nRUN <<EOF\nFROM not\nEOF\n",
        ),
    ],
)
def test_a_dockerfile(before: str, after: str) -> None:
    written = dockerfile.set_label(before, LABEL, NAME)
    assert written == after.replace("@@", f'{LABEL}="{NAME}"')
    assert dockerfile.parse(written).labels[LABEL][0] == NAME
    assert dockerfile.set_label(written, LABEL, NAME) == written
