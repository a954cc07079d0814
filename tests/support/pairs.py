"""Certificates with their keys as files: what a server or a client program holds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from batch.issuing.own_certificates import Enrolled
from pki.certificates.content import CertificateContent
from tests.support.acteurs import STRUCTURES

LISTENER = CertificateContent(
    product="TLS_SERVER",
    common_name="localhost",
    dns_names=("localhost",),
    ip_addresses=("127.0.0.1",),
    state=STRUCTURES[0].departement,
    organization=STRUCTURES[0].raison_sociale,
    organizational_unit=STRUCTURES[0].id_national,
)


class Pair(NamedTuple):
    """The certificate with its issuing authorities and the unencrypted key, both PEM."""

    certificate: Path
    key: Path

    @classmethod
    def at(cls, folder: Path, name: str) -> Pair:
        return cls(folder / f"{name}.pem", folder / f"{name}.key")

    @property
    def strings(self) -> tuple[str, str]:
        return str(self.certificate), str(self.key)

    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())


def write_pair(folder: Path, name: str, enrolled: Enrolled) -> Pair:
    pair = Pair.at(folder, name)
    pair.key.write_bytes(enrolled.key_pem)
    pair.certificate.write_bytes(enrolled.chain_pem)
    return pair
