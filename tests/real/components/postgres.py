"""PostgreSQL from the machine's own packages, in a folder of its own, as a user that is not root."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

USER = "nobody"
PLACES = ("/usr/local/bin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), "/usr/bin")


def install() -> None:
    """Debian's server (about 60 MB); nothing when one is there already."""
    if missing() is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def program(name: str) -> str | None:
    """Where one of PostgreSQL's programs is; Debian keeps them beside the usual path."""
    places = (*PLACES, *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True))
    return shutil.which(name, path=os.pathsep.join(places))


def missing() -> str | None:
    for name in ("initdb", "pg_ctl", "postgres"):
        if program(name) is None:
            return f"{name} is not installed (Debian: postgresql)"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "setpriv is not there, and PostgreSQL does not run as root"
    return None


@dataclass
class Postgres:
    """A running server. ``url`` leads to an empty database, `database` makes another."""

    port: int
    url: str

    def database(self, name: str) -> str:
        """A new empty database; gives its URL."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        return self.url.rsplit("/", 1)[0] + f"/{name}"


@contextlib.contextmanager
def start(*, durable: bool = False) -> Iterator[Postgres]:
    """A server on a free port of loopback until the block ends. ``durable`` keeps fsync on, for proofs."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    drop: list[str] = []
    if os.geteuid() == 0:
        who = pwd.getpwnam(USER)
        os.chown(folder, who.pw_uid, who.pw_gid)
        drop = ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C"}

    def run(*arguments: str) -> None:
        command = [*drop, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed: {done.stdout[-500:]}{done.stderr[-1500:]}")

    data = folder / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"-c port={port}", "-c listen_addresses=127.0.0.1", f"-c unix_socket_directories={folder}"]
    if not durable:
        options += ["-c fsync=off", "-c synchronous_commit=off", "-c full_page_writes=off"]
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    assert initdb
    assert pg_ctl
    try:
        run(initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        # The log goes to a file: a server that kept our pipe open would keep us waiting for its end.
        run(pg_ctl, "-D", str(data), "-w", "-s", "-l", str(folder / "log"), "-o", " ".join(options), "start")
        try:
            yield Postgres(port, f"postgresql://postgres@127.0.0.1:{port}/postgres")
        finally:
            run(pg_ctl, "-D", str(data), "-s", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
