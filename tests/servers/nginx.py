"""A real nginx for tests, with the site that deploy/nginx/ gives to operators."""

import datetime
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import debian
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, launch

SITE = ROOT / "deploy" / "nginx" / "incidentbot.conf"

# What Debian's nginx.conf sets around a site, in a folder of our own.
_AROUND = """\
{user}
daemon off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {site};
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx: where it listens, and the certificate it shows."""

    http: str
    https: str
    certificate: Path


@contextmanager
def nginx(app_port: int, https_port: int, folder: Path) -> Iterator[Nginx]:
    """Start nginx with the site, in front of the app at `app_port`, for the length of the block."""
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    _make_certificate(certificate, key)
    http_port = free_port()
    site = SITE.read_text()
    for pattern, instead in (
        (r"listen \[::\]:.*\n", "\n"),
        (r"listen 80;", f"listen 127.0.0.1:{http_port};"),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{https_port} ssl;"),
        (r"server 127\.0\.0\.1:8000;", f"server 127.0.0.1:{app_port};"),
        (r"ssl_certificate \S+;", f"ssl_certificate {certificate};"),
        (r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};"),
    ):
        site, changes = re.subn(pattern, instead, site)
        assert changes, f"the site has no {pattern}"
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers may not write to `folder`
    configuration = folder / "nginx.conf"
    configuration.write_text(_AROUND.format(user=user, site=folder / "site.conf"))
    program = debian.program("nginx", "nginx")
    command = [str(program), "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
    running = Nginx(f"http://127.0.0.1:{http_port}", f"https://127.0.0.1:{https_port}", certificate)
    with launch(command, debian.environment(program), folder / "nginx.log") as process:
        process.wait_until(lambda: _answers(running.http), 15)
        yield running


def _answers(url: str) -> bool:
    try:
        return requests.get(url, allow_redirects=False, timeout=2).status_code == 301
    except requests.RequestException:
        return False


def _make_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "incidents.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("incidents.example.com"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
