"""A server of weights, and an entry for what it serves."""

import hashlib
import shutil
import ssl
import subprocess
from dataclasses import replace

import pytest
from miniatures.weights_server import CONTENT, Server, serving

from skvideo3d.models.registry import WEIGHTS, WeightsEntry


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Server()) as server:
        yield server


@pytest.fixture
def secure_server(monkeypatch, tmp_path):
    """An https server whose certificate this process trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate and is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -nodes -days 2 -keyout {key} -out {certificate}"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*command.split(), *curve, *subject], check=True, capture_output=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server


@pytest.fixture
def entry(server) -> WeightsEntry:
    return replace(
        WEIGHTS["kinetics400-rgb"],
        name="of-this-test",
        filename="file.pt",
        url=f"http://127.0.0.1:{server.server_port}/file.pt",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        git_blob=None,
        size=len(CONTENT),
    )
