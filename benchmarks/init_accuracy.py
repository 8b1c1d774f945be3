"""How near `init_manifest` comes to what maintainers publish.

    python -m benchmarks.init_accuracy DIR [--all] [--peer CMD] [--json FILE]

Each folder of DIR is a project with a `repo.json` (`url`, `manifests`, `manifest_path`). Its manifests are hidden,
`repo.json` becomes the git origin, a manifest is generated in the folder that the hidden one described, and both
are compared field by field. A value that a release fills in (`0.0.0`, `{{VERSION}}`) counts as any value.

Two shares are printed for each field: of all projects, and of those where the published value can be known: it stands
somewhere in the project's remaining files or its origin. The rest has moved on since (a stale manifest, a renamed
owner) or was never written down; no reader of files can tell it.

`--peer CMD` runs another program in each folder instead (it must write server.json), for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.official_cases import fill_holes

TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{?\w+|<<.*>>|__[A-Z_]+__|^0\.0\.0(-.*)?$|placeholder", re.I)
SKIPPED = {"node_modules", ".git"}
PACKAGE_FILES = ("package.json", "pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "go.mod", "Dockerfile")
FIELDS = (
    "name", "title", "description", "version", "repository", "subfolder", "types", "identifier", "package version",
    "transport", "valid",
)  # fmt: skip
AIMS = {
    "name": 90,
    "types": 90,
    "identifier": 95,
    "package version": 95,
    "transport": 95,
    "repository": 95,
    "valid": 100,
}


@dataclass
class Score:
    """Hits of ``asked``, and of the ``known`` among them; ``misses`` say what was wanted and what came."""

    asked: int = 0
    hits: int = 0
    known: int = 0
    known_hits: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, hit: bool, known: bool, miss: str) -> None:
        self.asked += 1
        self.hits += hit
        self.known += known or hit
        self.known_hits += hit
        if not hit:
            self.misses.append(miss + ("" if known else "  [not in the files]"))


@dataclass
class Result:
    """All scores of one run, and the environment variables' counts."""

    scores: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    found: int = 0
    right: int = 0
    listed: int = 0
    seen: int = 0
    variables: list[str] = field(default_factory=list)


def camel(node: Any) -> Any:
    """Old manifests' snake_case keys as today's."""
    if isinstance(node, dict):
        return {re.sub(r"_([a-z])", lambda m: m[1].upper(), key) if key != "_meta" else key: camel(value)
                for key, value in node.items()}  # fmt: skip
    return [camel(value) for value in node] if isinstance(node, list) else node


def truths(project: Path, every: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The published manifests: path and content. The main one only, unless ``every``."""
    repo = json.loads((project / "repo.json").read_text("utf-8"))
    for path in repo["manifests"] if every else [repo["manifest_path"]]:
        try:
            document = camel(json.loads(fill_holes((project / path).read_text("utf-8-sig"))))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict):
            yield path, document


def prepare(project: Path, into: Path) -> None:
    """A copy without any manifest, with the origin of ``repo.json``."""
    repo = json.loads((project / "repo.json").read_text("utf-8"))
    hidden = {project / path for path in repo["manifests"]}

    def ignore(folder: str, names: list[str]) -> set[str]:
        here = Path(folder)
        return {
            name for name in names
            if name in SKIPPED or here / name in hidden or (name.startswith("server.json") and _manifest(here / name))
            or (here == project and name == "repo.json")
        }  # fmt: skip

    def copy(source: str, target: str) -> None:
        text_like = source.endswith((".json", ".toml", ".md", ".cfg", ".py", ".yml", ".yaml"))
        data = Path(source).read_bytes() if text_like else b""
        if b"_HOST}" in data:
            Path(target).write_text(
                fill_holes(data.decode("utf-8", "surrogateescape")), "utf-8", "surrogateescape", newline=""
            )
        else:
            os.link(source, target) if os.stat(source).st_dev == os.stat(into.parent).st_dev else shutil.copyfile(
                source, target
            )

    shutil.copytree(project, into, ignore=ignore, copy_function=copy, symlinks=True, ignore_dangling_symlinks=True)
    git = into / ".git"
    for part in ("objects", "refs/heads"):  # enough for git itself, which a peer may ask
        (git / part).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    core = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
    (git / "config").write_text(f'{core}[remote "origin"]\n\turl = {repo["url"]}.git\n')


def _manifest(path: Path) -> bool:
    try:
        return path.is_file() and "modelcontextprotocol.io" in path.read_text("utf-8", "replace")
    except OSError:
        return False


def home(copy: Path, manifest: str) -> Path:
    """The folder that a manifest describes: its own, or the nearest above that holds a package."""
    here = (copy / manifest).parent
    while here != copy and not (
        here.is_dir()
        and (
            any((here / name).is_file() for name in PACKAGE_FILES)
            or any(here.glob("*.csproj"))
            or any(here.glob("*/*.csproj"))
        )
    ):
        here = here.parent
    return here


def generate(folder: Path, peer: str | None) -> tuple[dict[str, Any], set[str], str]:
    """The generated manifest, the registry types whose identifier is assumed, and why there is none."""
    if peer:
        done = subprocess.run(shlex.split(peer), cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        written = folder / "server.json"
        if not written.is_file():
            return {}, set(), (done.stderr or done.stdout).strip()
        return camel(json.loads(written.read_text("utf-8"))), set(), ""
    import anyio

    from mcp_registrar_tools.errors import RegistrarError
    from mcp_registrar_tools.init_manifest import init_manifest
    from mcp_registrar_tools.outbound import Outbound
    from mcp_registrar_tools.workbench import Settings, Workbench

    async def none() -> Outbound:
        raise AssertionError("no registry is asked")

    async def run() -> Any:
        return await init_manifest(
            Workbench(settings=Settings(), outbound=Outbound(), local_registry=none), str(folder)
        )

    try:
        answer = anyio.run(run)
    except RegistrarError as error:
        return {}, set(), f"{error.code}: {error.message}"
    assumed = {
        question.split(" ")[3].partition("/")[0] for question in answer.uncertain if " is assumed: no file" in question
    }
    return answer.manifest, {"oci"} if assumed else set(), ""


class Words:
    """Everything that the project's files say, for asking whether a value can be known at all."""

    def __init__(self, folder: Path, origin: str) -> None:
        parts = [origin, *(path.relative_to(folder).as_posix() for path in folder.rglob("*"))]
        for path in folder.rglob("*"):
            if (
                path.is_file()
                and ".git" not in path.parts
                and path.name != "server.json"
                and path.stat().st_size < 400_000
            ):
                data = path.read_bytes()
                if b"\0" not in data:
                    parts.append(data.decode("utf-8", "replace"))
        self.text = "\n".join(parts)

    def know(self, value: str) -> bool:
        return value in self.text

    def know_name(self, name: str) -> bool:
        """The whole name, or its owner and its part, letter for letter."""
        namespace, _, part = name.partition("/")
        owner = namespace.removeprefix("io.github.")
        return self.know(name) or (
            namespace.startswith("io.github.") and self.know(f"github.com/{owner}/") and self.know(part)
        )


def same_url(one: str, two: str) -> bool:
    def plain(url: str) -> str:
        return url.lower().removeprefix("git+").rstrip("/").removesuffix(".git")

    return plain(one) == plain(two)


def image(identifier: str) -> str:
    """An image reference without tag, digest and Docker Hub's host."""
    name = identifier.partition("@")[0]
    if ":" in name.rpartition("/")[2] or "{" in name or "$" in name:
        name = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    return name.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/").lower()


def packages(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document.get("packages") or [] if isinstance(one, dict) and one.get("registryType")]


def compare(
    label: str, truth: dict[str, Any], made: dict[str, Any], assumed: set[str], words: Words, result: Result
) -> None:
    """Adds one project's fields to the scores."""
    scores = result.scores

    def field_of(name: str, wanted: Any, got: Any, hit: bool, known: bool) -> None:
        scores[name].add(hit, known, f"{label}: wanted {wanted!r}, got {got!r}")

    name = str(truth.get("name", ""))
    got = made.get("name")
    field_of("name", name, got, bool(TEMPLATE.search(name)) or name == got, words.know_name(name))
    for key in ("title", "description", "version"):
        wanted = truth.get(key)
        if isinstance(wanted, str):
            free = key == "version" and bool(TEMPLATE.search(wanted)) and bool(made)
            field_of(key, wanted, made.get(key), free or wanted == made.get(key), words.know(wanted))
    repository = truth.get("repository")
    if isinstance(repository, dict) and repository.get("url"):
        mine = made.get("repository") or {}
        url = str(repository["url"])
        field_of(
            "repository",
            url,
            mine.get("url"),
            same_url(url, str(mine.get("url"))),
            words.know(url.removesuffix(".git")),
        )
        if repository.get("subfolder") or mine.get("subfolder"):
            field_of(
                "subfolder", repository.get("subfolder"), mine.get("subfolder"),
                repository.get("subfolder") == mine.get("subfolder"), bool(repository.get("subfolder")),
            )  # fmt: skip
    compare_packages(label, truth, made, assumed, words, result)


def compare_packages(
    label: str, truth: dict[str, Any], made: dict[str, Any], assumed: set[str], words: Words, result: Result
) -> None:
    """Registry types as a set; the rest for each type that both have."""
    scores = result.scores
    theirs, mine = packages(truth), packages(made)
    wanted, got = {one["registryType"] for one in theirs}, {one["registryType"] for one in mine}
    knowable = all(TEMPLATE.search(str(one["identifier"])) or words.know(image(str(one["identifier"]))
                   if one["registryType"] == "oci" else str(one["identifier"])) for one in theirs)  # fmt: skip
    if theirs or not truth.get("packages"):  # entries without a registryType cannot be compared
        scores["types"].add(
            wanted == got and bool(made), knowable, f"{label}: wanted {sorted(wanted)}, got {sorted(got)}"
        )
    for kind in sorted(wanted & got):
        those = [one for one in theirs if one["registryType"] == kind]
        ours = [one for one in mine if one["registryType"] == kind]
        name = "identifier" if kind not in assumed else "identifier (assumed)"
        identifiers = [str(one.get("identifier")) for one in those]
        given = str(ours[0].get("identifier"))
        if kind == "oci":
            hit = image(given) in {image(one) for one in identifiers}
            known = any(words.know(image(one)) for one in identifiers)
        elif kind == "mcpb":
            shape = [re.sub(r"\{\{.*?\}\}|\d+\.\d+\.\d+", "*", one) for one in [given, *identifiers]]
            hit, known = shape[0] in shape[1:], False
        else:
            hit = given in identifiers or any(TEMPLATE.search(one) for one in identifiers)
            known = any(words.know(one) for one in identifiers)
        scores[name].add(hit, known, f"{label}: {kind} wanted {identifiers[0]}, got {given}")
        versions = [str(one["version"]) for one in those if one.get("version")]
        if versions and kind != "oci" and ours[0].get("version"):
            value = str(ours[0]["version"])
            hit = value in versions or any(TEMPLATE.search(one) for one in versions)
            scores["package version"].add(
                hit, any(words.know(one) for one in versions), f"{label}: {kind} wanted {versions[0]}, got {value}"
            )
        transports = {one["transport"]["type"] for one in those if isinstance(one.get("transport"), dict)}
        if transports:
            value = str(ours[0].get("transport", {}).get("type"))
            scores["transport"].add(
                value in transports, True, f"{label}: {kind} wanted {sorted(transports)}, got {value}"
            )
    compare_variables(label, theirs, mine, result)


def compare_variables(label: str, theirs: list[dict[str, Any]], mine: list[dict[str, Any]], result: Result) -> None:
    """Environment variable names: precision and recall, over projects whose maintainers list any."""

    def names(listed: list[dict[str, Any]]) -> set[str]:
        return {
            str(one.get("name")) for package in listed for one in package.get("environmentVariables") or []
            if isinstance(one, dict)
        }  # fmt: skip

    wanted, got = names(theirs), names(mine)
    if not wanted:
        result.seen += len(got)
    else:
        result.listed += len(wanted)
        result.found += len(got)
        result.right += len(wanted & got)
        result.variables.append(
            f"{label}: {len(wanted & got)} of {len(wanted)}; not listed {sorted(got - wanted)}; "
            f"missed {sorted(wanted - got)}"
        )


def valid(document: dict[str, Any]) -> list[str]:
    """What our own rules call an error of structure or semantics."""
    from mcp_registrar_tools import rules

    body = [f"{one.location}: {one.message}" for one in rules.body_problems(document)]
    found = [*rules.publish_issues(document), *rules.schema_issues(document)]
    return body + [f"{one.path}: {one.message}" for one in found if one.severity == "error"]


def run(directory: Path, *, every: bool, peer: str | None) -> tuple[Result, int]:
    result, count = Result(), 0
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        for project in sorted(path for path in directory.iterdir() if (path / "repo.json").is_file()):
            for number, (path, truth) in enumerate(truths(project, every)):
                copy = Path(scratch) / f"{number}" / project.name.partition("__")[2]
                prepare(project, copy)
                folder = home(copy, path)
                made, assumed, why = generate(folder, peer)
                count += 1
                label = project.name if not every else f"{project.name}/{path}"
                words = Words(copy, json.loads((project / "repo.json").read_text("utf-8"))["url"])
                compare(label + (f" ({why})" if why else ""), truth, made, assumed, words, result)
                if made:
                    problems = valid(made)
                    result.scores["valid"].add(not problems, True, f"{label}: {'; '.join(problems)}")
                shutil.rmtree(copy.parent)
    return result, count


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--all", action="store_true", help="every manifest of a project, not only its main one")
    parser.add_argument("--peer", help="a command that writes server.json in the current folder")
    parser.add_argument("--json", type=Path, help="also write the figures and all misses here")
    parser.add_argument("--quiet", action="store_true", help="the table only, no misses")
    options = parser.parse_args(arguments)
    result, count = run(options.directory.resolve(), every=options.all, peer=options.peer)
    print(f"{count} manifests in {options.directory}")
    print(f"{'field':22}{'equal':>12}{'share':>8}{'knowable':>12}{'share':>8}   aim")
    table: dict[str, Any] = {}
    for name in [*FIELDS, *(key for key in result.scores if key not in FIELDS)]:
        score = result.scores[name]
        share = 100 * score.hits / score.asked if score.asked else 0.0
        of_known = 100 * score.known_hits / score.known if score.known else 0.0
        aim = f"{AIMS[name]} %" if name in AIMS else ""
        all_of, known_of = f"{score.hits}/{score.asked}", f"{score.known_hits}/{score.known}"
        print(f"{name:22}{all_of:>12}{share:7.1f}%{known_of:>12}{of_known:7.1f}%   {aim}")
        table[name] = {
            "equal": score.hits, "of": score.asked, "percent": round(share, 1), "known_equal": score.known_hits,
            "known": score.known, "known_percent": round(of_known, 1), "misses": score.misses,
        }  # fmt: skip
    precision = result.right / result.found if result.found else 0.0
    recall = result.right / result.listed if result.listed else 0.0
    print(
        f"environment variables: {result.found} found, {result.listed} listed by the maintainers of "
        f"{len(result.variables)} projects, {result.right} equal: precision {precision:.2f}, recall {recall:.2f} "
        f"({result.seen} more in projects whose maintainers list none)"
    )
    if not options.quiet:
        for name, score in result.scores.items():
            for miss in score.misses if name not in {"description", "title"} else []:
                print(f"  {name}: {miss}")
        for line in result.variables:
            print(f"  variables: {line}")
    if options.json:
        table["environment"] = {"precision": precision, "recall": recall, "projects": result.variables}
        options.json.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
