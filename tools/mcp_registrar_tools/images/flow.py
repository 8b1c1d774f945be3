"""The image's part of a publish: what the manifest will say, the build and push behind it, the file that is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import build, project, reference
from mcp_registrar_tools.images.project import Project
from mcp_registrar_tools.manifest.files import read_text_file, write_atomic

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench

DESCRIPTION_LIMIT = 100


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A manifest that names an image which is about to be built.

    ``file`` is where it goes, ``text`` what stands there now ("" for a new file), ``document`` what it will say.
    """

    folder: Path
    file: Path
    text: str
    document: dict[str, Any]
    image: str
    order: build.Order

    @property
    def changed(self) -> bool:
        """Whether the file has to be written."""
        return self.new_text() != self.text

    def new_text(self) -> str:
        """The file with this document, everything else in it as its author wrote it."""
        from mcp_registrar_tools.manifest.source import Source, dump

        return Source(self.text).rewrite(self.document) if self.text else dump(self.document)

    def write(self) -> None:
        """Put the document into its file; blocking. Raises `InputError`."""
        if self.changed:
            write_atomic(self.file, self.new_text().encode())


def draft(path: str, order: build.Order) -> Draft:
    """What the manifest will say once the image is there; blocking, asks no engine.

    An existing ``server.json`` gets the image's canonical reference. Without one, ``mcp.yaml`` (agentregistry's
    project file) says enough for a new one. Raises `InputError` when nobody says what the server is called.
    """
    given = Path(path).expanduser()
    folder = given.parent if given.is_file() else given
    if folder.name == ".mcp":
        folder = folder.parent
    if not folder.is_dir():
        raise InputError("path-not-found", f"{given} does not exist", "give the project's folder")
    made = project.read(folder)
    if not made.server_name or (made.manifest is None and made.source != "mcp.yaml"):
        raise InputError(
            "manifest-not-found",
            f"there is no server.json in {folder}, and nothing else says what the server is called",
            f"init_manifest(path={quoted(str(folder))}) writes one",
        )
    image = build.image_name(made, order)
    entry = build.package_of(made, image)
    if made.manifest is not None:
        text = read_text_file(made.manifest)
        document = dict(project.document(made.manifest))
        packages = document.get("packages")
        document["packages"] = _placed(packages if isinstance(packages, list) else [], entry)
        return Draft(folder=folder, file=made.manifest, text=text, document=document, image=image, order=order)
    return Draft(
        folder=folder, file=folder / "server.json", text="", document=_new(made, entry), image=image, order=order
    )


def _placed(packages: list[Any], entry: dict[str, Any]) -> list[Any]:
    """The packages with the image's entry where the old one stood, else at the end."""
    for index, package in enumerate(packages):
        if project.is_image(package):
            # The author's order of keys stays; what an image entry may not carry goes.
            kept = {key: entry[key] for key in package if key in entry}
            return [*packages[:index], {**kept, **entry}, *packages[index + 1 :]]
    return [*packages, entry]


def _new(made: Project, entry: dict[str, Any]) -> dict[str, Any]:
    from mcp_registrar_tools.manifest import schemas

    description = " ".join(made.description.split()) or f"MCP server {made.name}"
    if len(description) > DESCRIPTION_LIMIT:
        description = description[: DESCRIPTION_LIMIT - 1].rsplit(" ", 1)[0] + "…"
    document: dict[str, Any] = {"$schema": schemas.url(schemas.CURRENT), "name": made.server_name}
    if made.title:
        document["title"] = made.title[:100]
    document |= {"description": description, "version": made.version or "latest"}
    if made.repository.startswith(("https://github.com/", "https://gitlab.com/")):
        document["repository"] = {"url": made.repository, "source": made.repository.split("/")[2].split(".")[0]}
    return {**document, "packages": [entry]}


async def make(bench: Workbench, drafted: Draft, *, after: int, of: int, dry_run: bool) -> list[str]:
    """Build, push when ordered, write the manifest; answers with what was done, a line each.

    A ``dry_run`` builds and does neither of the others. All its progress lies between step ``after`` and the next,
    ``of`` as many. Raises `ImageError` and `InputError`.
    """
    import anyio.to_thread

    async def progress(done: float, total: float | None, message: str) -> None:
        await bench.progress(after + done / (done + 20), of, message)

    order = replace(drafted.order, tag=drafted.image, push=drafted.order.push and not dry_run)
    built = await build.build(str(drafted.folder), order, replace(bench, progress=progress))
    lines = [f"✓ Successfully built Docker image: {drafted.image} ({', '.join(built.platforms)})"]
    where = reference.parse(drafted.image)
    if built.pushed:
        lines.append(f"✓ Pushed Docker image: {drafted.image}@{built.digest}")
    elif drafted.order.push:
        lines.append(f"Would push Docker image: {drafted.image}")
    else:
        lines.append(f"Not pushed: nobody else can pull it from {where.host} (push_image=true does)")
    if drafted.changed and not dry_run:
        await anyio.to_thread.run_sync(drafted.write)
        lines.append(f"✓ {drafted.file.name} names {where.canonical()}")
    return lines + [f"Note: {note}" for note in built.notes]
