"""A newer Docker Engine (26) with BuildKit's buildx, unpacked beside the system: nothing of it is installed.

The packages are those of the next Debian, fetched by apt into ``.components/`` of the checkout; the system's own
lists and packages stay as they are. runc and iptables are the system's (see `docker`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.real.components import docker

FOLDER = docker.CACHE / "buildx"
SUITE = "trixie"
PACKAGES = ("docker.io", "containerd", "docker-buildx")
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
PROGRAM = FOLDER / "x/usr/sbin/dockerd"
PLUGIN = FOLDER / "x/usr/libexec/docker/cli-plugins/docker-buildx"


def install() -> None:
    """Fetch and unpack (85 MB, a few seconds)."""
    if docker.missing():
        docker.install()
    docker.CACHE.mkdir(exist_ok=True)
    with docker.once(FOLDER) as needed:
        if needed:
            part = FOLDER.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _fetch(part)
            part.replace(FOLDER)


def _fetch(folder: Path) -> None:
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    first = SOURCES.read_text().split("\n\n")[0]
    lines = [f"Suites: {SUITE}" if line.startswith("Suites:") else line for line in first.splitlines()]
    (folder / "next.sources").write_text("\n".join(lines) + "\n")
    apt = [
        "apt-get",
        "-qq",
        f"-oDir::Etc::sourcelist={folder}/next.sources",
        "-oDir::Etc::sourceparts=-",
        f"-oDir::State::lists={folder}/lists",
        f"-oDir::Cache={folder}/cache",
        "-oAPT::Sandbox::User=root",
    ]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *PACKAGES], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "x")], check=True)
        package.unlink()
    shutil.rmtree(folder / "lists")
    shutil.rmtree(folder / "cache")


def missing() -> str | None:
    if reason := docker.missing():
        return reason
    if not SOURCES.exists():
        return "this is not a Debian whose package sources are known"
    if not PROGRAM.exists() or not PLUGIN.exists():
        return "the newer engine and buildx are not unpacked (python -m tests.real.components install)"
    return None


@contextlib.contextmanager
def start(*, containerd_store: bool = False) -> Iterator[docker.Engine]:
    """The newer engine, with buildx among its configuration's plugins.

    ``containerd_store`` keeps images in containerd, which can hold several platforms under one name.
    """
    options = {"features": {"containerd-snapshotter": True}} if containerd_store else {}
    path = f"{FOLDER}/x/usr/sbin:{FOLDER}/x/usr/bin"
    with docker.start(program=str(PROGRAM), path=path, options=options) as engine:
        plugins = engine.config / "cli-plugins"
        plugins.mkdir()
        os.symlink(PLUGIN, plugins / "docker-buildx")
        yield engine
