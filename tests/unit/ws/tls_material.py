"""Keys and certificates for TLS tests, made on the spot: two CAs, a server, clients good and bad."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.bindings._rust import ObjectIdentifier
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def _name(cn: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


class Issuer:
    """A small CA."""

    def __init__(self, cn: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(cn)
        self.certificate = self.issue(cn, self.key, ca=True)

    def issue(
        self,
        cn: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        usage: ObjectIdentifier | None = None,
        end: datetime = NOW + 2 * DAY,
        begin: datetime = NOW - 2 * DAY,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(cn))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@dataclass
class Material:
    """Files and bytes of one made-up hierarchy."""

    folder: Path
    ca_der: bytes
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)

    @property
    def server_cert(self) -> Path:
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def path(self, name: str) -> tuple[str, str]:
        """Certificate and key files of one holder."""
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")

    def certificate_der(self, name: str) -> bytes:
        return self.certificates[name].public_bytes(serialization.Encoding.DER)

    def client_context(self, name: str | None) -> ssl.SSLContext:
        """A client that trusts the server and shows the certificate of ``name``, if any."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if name is not None:
            context.load_cert_chain(*self.path(name))
        return context


def make_material(folder: Path) -> Material:
    """One CA with a server, clients good, expired and not yet valid; another CA with a stranger."""
    ours, foreign = Issuer("AC TEST"), Issuer("AC ETRANGERE")
    pem = serialization.Encoding.PEM
    material = Material(folder, ours.certificate.public_bytes(serialization.Encoding.DER))
    material.ca_file.write_bytes(ours.certificate.public_bytes(pem))
    client = ExtendedKeyUsageOID.CLIENT_AUTH
    holders: list[tuple[str, Issuer, dict[str, Any]]] = [
        ("server", ours, {"usage": ExtendedKeyUsageOID.SERVER_AUTH}),
        ("client", ours, {"usage": client}),
        ("other", ours, {"usage": client}),
        ("unknown", ours, {"usage": client}),
        ("expired", ours, {"usage": client, "end": NOW - DAY}),
        ("future", ours, {"usage": client, "begin": NOW + DAY}),
        ("stranger", foreign, {"usage": client}),
    ]
    for name, issuer, options in holders:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = issuer.issue(name, key, **options)
        material.certificates[name] = certificate
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
    return material
