"""A Docker Engine of our own: Debian's ``dockerd`` on a socket in a temporary folder, with a bridge of its own.

Base images come without the internet: ``python_base`` packs a Python of this machine with busybox into a tar that
`Engine.load` imports under the name a Dockerfile asks for (``python:3.12-slim``). The tar is kept under
``.components/`` of the checkout.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).resolve().parents[3] / ".components"
PACKAGES = ("docker.io", "iptables", "iproute2", "busybox-static")
BUSYBOX = "/bin/busybox"


def install() -> None:
    """The engine and what it needs, from Debian's packages (70 MB, about 10 s)."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *PACKAGES],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def missing() -> str | None:
    if os.geteuid() != 0:
        return "starting a Docker Engine of our own needs root"
    for program in ("dockerd", "containerd", "runc", "ip", "iptables"):
        if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            return f"{program} is not installed (Debian: {' '.join(PACKAGES)})"
    if not Path(BUSYBOX).exists():
        return "busybox-static is not installed"
    return None


@dataclass
class Engine:
    """A running engine. ``host`` is what DOCKER_HOST wants, ``config`` a private DOCKER_CONFIG folder."""

    folder: Path
    host: str
    config: Path
    log: Path
    process: subprocess.Popen[bytes]
    program: str = "dockerd"
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return Path(self.host.removeprefix("unix://"))

    def environment(self) -> dict[str, str]:
        """What points Docker's own tools, and ours, at this engine."""
        return {"DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.config), **self.extra}

    def client(self) -> object:
        """The SDK's low-level client."""
        import docker

        return docker.APIClient(base_url=self.host, timeout=60)

    def load(self, tar: Path, name: str, *, changes: tuple[str, ...] = ()) -> None:
        """Import a root file system as the image ``name`` (``repository:tag``)."""
        import docker

        repository, _, tag = name.rpartition(":")
        client = docker.APIClient(base_url=self.host, timeout=120)
        try:
            client.import_image(str(tar), repository=repository, tag=tag, changes=list(changes))
            client.inspect_image(name)
        finally:
            client.close()

    def load_python(self, name: str = "python:3.12-slim") -> None:
        """A Python of this machine under the name that Dockerfiles use."""
        self.load(python_base(), name, changes=("ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin", 'CMD ["python3"]'))

    def load_busybox(self, name: str = "busybox:latest") -> None:
        """A static shell and its applets, 2 MB."""
        self.load(busybox_base(), name, changes=("ENV PATH=/bin", 'CMD ["sh"]'))

    def login(self, registry: str, user: str, password: str) -> None:
        """What ``docker login`` writes, into this engine's own configuration."""
        import base64

        path = self.config / "config.json"
        document = json.loads(path.read_text()) if path.exists() else {}
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        document.setdefault("auths", {})[registry] = {"auth": token}
        path.write_text(json.dumps(document))

    def logout(self) -> None:
        (self.config / "config.json").unlink(missing_ok=True)

    def containers(self) -> list[str]:
        """Every container that exists, running or not."""
        import docker

        client = docker.APIClient(base_url=self.host)
        try:
            return [container["Id"] for container in client.containers(all=True)]
        finally:
            client.close()


@contextlib.contextmanager
def start(
    *,
    mirror: str = "",
    program: str = "dockerd",
    path: str = "",
    options: Mapping[str, object] | None = None,
    arguments: tuple[str, ...] = (),
    extra: Mapping[str, str] | None = None,
    hosts: Mapping[str, str] | None = None,
    authority: Path | None = None,
) -> Iterator[Engine]:
    """Run an engine until the block ends.

    ``mirror`` is a registry (without auth) asked first for Docker Hub's images; ``program`` and ``path`` choose
    another ``dockerd`` and where its helpers are; ``options`` are entries of ``daemon.json``. ``hosts`` are addresses
    by host name that this engine alone sees, each trusted by the certificate ``authority``: so a registry of ours can
    be ``ghcr.io`` to it, and to nobody else.
    """
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    config = folder / "config"
    config.mkdir(mode=0o700)
    log = folder / "dockerd.log"
    daemon: dict[str, object] = {"iptables": False, "ip6tables": False, **(options or {})}
    if mirror:
        daemon["registry-mirrors"] = [mirror]
    (folder / "daemon.json").write_text(json.dumps(daemon))
    bridge = _Bridge()
    environment = {**os.environ, "PATH": ":".join(filter(None, (path, os.environ.get("PATH", ""), "/usr/sbin:/sbin")))}
    command = [
        program,
        f"--host=unix://{folder}/docker.sock",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/dockerd.pid",
        f"--config-file={folder}/daemon.json",
        f"--bridge={bridge.name}",
        *arguments,
    ]
    if hosts:
        command = [*_own_names(folder, hosts, authority), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, start_new_session=True)
    engine = Engine(folder, f"unix://{folder}/docker.sock", config, log, process, program, dict(extra or {}))
    try:
        _wait_until_up(engine)
        yield engine
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        bridge.remove()
        _unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _own_names(folder: Path, hosts: Mapping[str, str], authority: Path | None) -> list[str]:
    """The beginning of a command that gives a program its own /etc/hosts and /etc/docker/certs.d."""
    lines = [f"{address} {name}\n" for name, address in hosts.items()]
    (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
    for name in hosts:
        (folder / "etc-docker/certs.d" / name).mkdir(parents=True)
        if authority:
            shutil.copy2(authority, folder / "etc-docker/certs.d" / name / "ca.crt")
    Path("/etc/docker").mkdir(exist_ok=True)
    script = 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/docker && shift 2 && exec "$@"'
    mounts = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder / "hosts"), str(folder / "etc-docker")]
    return mounts


def _wait_until_up(engine: Engine, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if engine.process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(engine.socket))
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            if b" 200 " in probe.recv(64):
                return
        time.sleep(0.05)
    raise RuntimeError(f"dockerd did not come up:\n{engine.log.read_text(errors='replace')[-2000:]}")


class _Bridge:
    """A network bridge of our own, so that several engines on one machine do not hand out the same addresses."""

    def __init__(self) -> None:
        for attempt in range(200):
            number = (os.getpid() + attempt * 7) % 250
            self.name = f"mr{os.getpid() % 100000}x{attempt}"
            network = f"10.{200 + attempt % 50}.{number}"
            made = subprocess.run(["ip", "link", "add", self.name, "type", "bridge"], capture_output=True, check=False)
            if made.returncode:
                continue
            if network not in subprocess.run(["ip", "-4", "addr"], capture_output=True, text=True, check=True).stdout:
                subprocess.run(["ip", "addr", "add", f"{network}.1/24", "dev", self.name], check=True)
                subprocess.run(["ip", "link", "set", self.name, "up"], check=True)
                return
            self.remove()
        raise RuntimeError("no network bridge could be made")

    def remove(self) -> None:
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True, check=False)


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)


@contextlib.contextmanager
def once(target: Path) -> Iterator[bool]:
    """Let one process make ``target``; the others wait and find it. Yields True for the one that has to."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not target.exists()


def busybox_base() -> Path:
    """A tar with a static busybox and a link for each applet."""
    target = CACHE / "busybox.tar"
    with once(target) as needed:
        if needed:
            with tempfile.TemporaryDirectory() as name:
                root = Path(name)
                _busybox_into(root)
                _pack(root, target)
    return target


def python_base() -> Path:
    """A tar with the Python that runs the tests, the libraries it needs, pip, busybox and useradd (90 MB, 5 s)."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = CACHE / f"python-{version}-slim.tar"
    with once(target) as needed:
        if needed:
            with tempfile.TemporaryDirectory() as name:
                root = Path(name)
                _busybox_into(root)
                _python_into(root, Path(sys.base_prefix), version)
                _useradd_into(root)
                _pack(root, target)
    return target


def _pack(root: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    subprocess.run(["tar", "-C", str(root), "-cf", str(part), "."], check=True)
    part.replace(target)


def _busybox_into(root: Path) -> None:
    for folder in (
        "bin",
        "etc",
        "tmp",
        "proc",
        "sys",
        "dev",
        "root",
        "var/tmp",
        "usr/bin",
        "usr/local/bin",
        "lib",
        "lib64",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    shutil.copy2(BUSYBOX, root / "bin" / "busybox")
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "etc" / "nsswitch.conf").write_text("hosts: files dns\n")


def _python_into(root: Path, prefix: Path, version: str) -> None:
    unneeded = (
        *("test", "idlelib", "tkinter", "turtledemo", f"config-{version}*", "site-packages/*", "dist-packages"),
        *("__pycache__", "_test*.so", "_tkinter*", "*.a"),
    )
    excludes = [f"--exclude={pattern}" for pattern in unneeded]
    # A Python of its own folder is taken whole; of the system's only what is Python's.
    own = prefix != Path("/usr")
    parts = ["bin", "lib"] if own else [f"bin/python{version}", f"lib/python{version}"]
    destination = root / str(prefix).lstrip("/")
    destination.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["tar", "-C", str(prefix), *excludes, "-cf", "-", *parts], stdout=subprocess.PIPE) as packed:
        subprocess.run(["tar", "-C", str(destination), "-xf", "-"], stdin=packed.stdout, check=True)
    (destination / "lib" / f"python{version}" / "site-packages").mkdir(parents=True, exist_ok=True)
    _libraries_into(root, [*destination.rglob("*.so*"), destination / "bin" / f"python{version}"])
    # What compiled wheels expect of any base image, whether or not this Python itself loads it.
    expected = ("libgcc_s.so.1", "libstdc++.so.6", "librt.so.1", "libutil.so.1", "libdl.so.2", "libpthread.so.0")
    for library in expected:
        for source in sorted(Path("/lib").glob(f"*-linux-gnu/{library}")):
            shutil.copy2(source, root / str(source).lstrip("/"))
    for name in ("python3", "python", f"python{version}"):
        (root / "usr" / "local" / "bin" / name).symlink_to(prefix / "bin" / f"python{version}")
    (root / "etc" / "ssl" / "certs").mkdir(parents=True)


def _useradd_into(root: Path) -> None:
    """The program with which Dockerfiles make their user; every image of Debian has it."""
    program = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        raise RuntimeError("no useradd on this machine")
    (root / "usr" / "sbin").mkdir(parents=True, exist_ok=True)
    shutil.copy2(program, root / "usr" / "sbin" / "useradd")
    _libraries_into(root, [root / "usr" / "sbin" / "useradd"])


def _libraries_into(root: Path, programs: list[Path]) -> None:
    """The shared libraries that these programs load, at the paths where they are looked for."""
    listed = subprocess.run(
        ["ldd", *(str(program) for program in programs)], capture_output=True, text=True, check=False
    ).stdout
    libraries = {word for word in listed.split() if word.startswith(("/lib", "/lib64", "/usr/"))}
    for library in sorted(library.rstrip(":") for library in libraries):
        source = Path(library)
        if source.is_file() and not str(source).startswith(str(root)):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy2(source, target)


def node_base() -> Path:
    """A tar with this machine's Node.js, the libraries it needs, and busybox. Raises when there is no Node.js."""
    program = shutil.which("node")
    if program is None:
        raise RuntimeError("no node on this machine")
    target = CACHE / "node.tar"
    with once(target) as needed:
        if needed:
            with tempfile.TemporaryDirectory() as name:
                root = Path(name)
                _busybox_into(root)
                shutil.copy2(os.path.realpath(program), root / "usr/local/bin/node")
                _libraries_into(root, [root / "usr/local/bin/node"])
                _pack(root, target)
    return target
