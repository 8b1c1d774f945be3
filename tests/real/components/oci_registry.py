"""An image registry: Debian's ``docker-registry`` (Distribution 2.8), open, with passwords, or with token login.

`Registry.push` speaks the push side of the distribution protocol, so that indexes and odd images can be made
without an engine; images that Docker built are pushed with Docker.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PROGRAM = "docker-registry"
USER, PASSWORD = "alice", "s3cret"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"


def install() -> None:
    """Debian's package (10 MB)."""
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", PROGRAM],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def missing() -> str | None:
    return None if shutil.which(PROGRAM) else f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})"


@dataclass
class Registry:
    """A running registry. ``host`` is what image references begin with (``127.0.0.1:PORT``)."""

    host: str
    folder: Path
    auth: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def push(
        self,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        platform: str = "linux/amd64",
        tag: str | None = "1",
        annotations: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Push an image of one empty layer; returns its descriptor (for `push_index`)."""
        system, architecture, *variant = platform.split("/")
        config = {"os": system, "architecture": architecture, "config": {"Labels": dict(labels or {})}}
        if variant:
            config["variant"] = variant[0]
        layer = b"not really a tar: nobody unpacks it " + uuid.uuid4().hex.encode()
        config["rootfs"] = {"type": "layers", "diff_ids": [_digest(layer)]}
        document = json.dumps(config).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": self._blob(name, document, OCI_CONFIG),
                "layers": [self._blob(name, layer, "application/vnd.oci.image.layer.v1.tar")],
                **({"annotations": dict(annotations)} if annotations else {}),
            }
        ).encode()
        self._put(name, tag or _digest(manifest), manifest, OCI_MANIFEST)
        named = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        return {**_descriptor(manifest, OCI_MANIFEST), "platform": named}

    def push_index(self, name: str, children: list[dict[str, Any]], *, tag: str = "1") -> str:
        """Push an index of images already pushed; returns its digest."""
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).encode()
        self._put(name, tag, index, OCI_INDEX)
        return _digest(index)

    def _blob(self, name: str, body: bytes, media_type: str) -> dict[str, Any]:
        _, headers = self._ask("POST", f"{self.url}/v2/{name}/blobs/uploads/", name)
        where = headers["Location"]
        where += ("&" if "?" in where else "?") + urllib.parse.urlencode({"digest": _digest(body)})
        self._ask("PUT", where, name, body, "application/octet-stream")
        return _descriptor(body, media_type)

    def _put(self, name: str, tag: str, body: bytes, media_type: str) -> None:
        self._ask("PUT", f"{self.url}/v2/{name}/manifests/{tag}", name, body, media_type)

    def _ask(
        self, method: str, url: str, name: str, body: bytes | None = None, media_type: str = ""
    ) -> tuple[int, Mapping[str, str]]:
        request = urllib.request.Request(url, data=body, method=method)
        if media_type:
            request.add_header("Content-Type", media_type)
        if self.auth == "password":
            request.add_header("Authorization", _basic())
        elif self.auth == "token":
            realm = (self.folder / "realm").read_text()
            query = urllib.parse.urlencode({"service": "tests", "scope": f"repository:{name}:pull,push"})
            ask = urllib.request.Request(f"{realm}?{query}", headers={"Authorization": _basic()})
            with urllib.request.urlopen(ask) as got:
                request.add_header("Authorization", f"Bearer {json.load(got)['token']}")
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers


@contextlib.contextmanager
def start(
    auth: Literal["open", "password", "token"] = "open", *, public: bool = True, own_only: bool = False
) -> Iterator[Registry]:
    """Run a registry until the block ends.

    ``password`` wants `USER` and `PASSWORD` for everything (Basic). ``token`` is how Docker Hub and GHCR do it: a
    token service hands out Bearer tokens, to anybody for pulling when ``public``, for pushing to `USER` only, and
    with ``own_only`` below his own name only.
    """
    folder = Path(tempfile.mkdtemp(prefix="registry-"))
    port = _free_port()
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": uuid.uuid4().hex},
    }
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if auth == "password":
            import bcrypt

            hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
            (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
            config["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
        elif auth == "token":
            realm = stack.enter_context(_token_service(folder, public, own_only))
            (folder / "realm").write_text(realm)
            config["auth"] = {
                "token": {
                    "realm": realm,
                    "service": "tests",
                    "issuer": "tests",
                    "rootcertbundle": str(folder / "ca.pem"),
                }
            }
        (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen([PROGRAM, "serve", str(folder / "config.yml")], stdout=log, stderr=subprocess.STDOUT)
        stack.callback(_stop, process)
        _wait(f"http://127.0.0.1:{port}/v2/", process, folder / "log")
        yield Registry(f"127.0.0.1:{port}", folder, auth)


@contextlib.contextmanager
def _token_service(folder: Path, public: bool, own_only: bool) -> Iterator[str]:
    """The token service of the distribution specification; yields its URL, leaves its certificate in ``ca.pem``."""
    import jwt
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from tests.certificates import certificate

    _, key, pem = certificate(folder, "tests")
    chain = [
        base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode()
        for each in x509.load_pem_x509_certificates(pem.read_bytes())
    ]

    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            given = self.headers.get("Authorization")
            self._grant(query, known=given == _basic(), refused=given not in (None, _basic()))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = urllib.parse.parse_qs(body)
            good = form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == ["identity"]
            self._grant(form, known=good, refused=not good)

        def _grant(self, query: dict[str, list[str]], *, known: bool, refused: bool) -> None:
            if refused:
                self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
                return
            access = []
            for scope in query.get("scope", []):
                kind, repository, actions = scope.split(":", 2)
                mine = known and (not own_only or repository.startswith(f"{USER}/"))
                allowed = [a for a in actions.split(",") if mine or (public and a == "pull")]
                access.append({"type": kind, "name": repository, "actions": allowed})
            moment = int(time.time())
            token = jwt.encode(
                {
                    "iss": "tests",
                    "sub": USER if known else "",
                    "aud": query["service"][0],
                    "exp": moment + 300,
                    "nbf": moment - 10,
                    "iat": moment,
                    "jti": uuid.uuid4().hex,
                    "access": access,
                },
                key.read_bytes(),
                algorithm="ES256",
                headers={"x5c": chain},
            )
            self._answer(200, {"token": token, "expires_in": 300})

        def _answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _descriptor(body: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(body), "size": len(body)}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{PROGRAM} did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
