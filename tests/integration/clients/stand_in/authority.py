"""A hierarchy that is not the plateforme's: a root, an issuing CA, and the files that a server and a client need."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7

from tests.support.pairs import Pair

_LIFE = dt.timedelta(days=30)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


class StandInAuthority:
    """Signs whatever it is asked to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root_key = _new_key()
        self.root = self._certify("AC RACINE IGC EXEMPLE ESSAI", self.root_key.public_key(), None, ca=True)
        self.key = _new_key()
        self.certificate = self._certify(
            "AC ORG IGC EXEMPLE ESSAI", self.key.public_key(), (self.root_key, self.root), ca=True
        )
        self.ca_file = self._write("ca.pem", self.root, self.certificate)
        self.server_files = self.leaf_files("server", server=True)
        self.client_files = self.leaf_files("client")

    def leaf_files(
        self, name: str, *, server: bool = False, passphrase: bytes | None = None, life: dt.timedelta = _LIFE
    ) -> Pair:
        """A key and its certificate, which may have ended already."""
        key = _new_key()
        certificate = self._certify(name, key.public_key(), (self.key, self.certificate), server=server, life=life)
        pair = Pair.at(self.folder, name)
        self._write(pair.certificate.name, certificate, self.certificate)
        protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        pair.key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        )
        return pair

    def sign(self, public_key: CertificatePublicKeyTypes, name: str) -> x509.Certificate:
        return self._certify(name, public_key, (self.key, self.certificate))

    def chain(self, certificate: x509.Certificate) -> bytes:
        """The PKCS#7 of a certificate with its chain, in no particular order."""
        return pkcs7.serialize_certificates([self.root, certificate, self.certificate], serialization.Encoding.DER)

    def _certify(
        self,
        name: str,
        public_key: CertificatePublicKeyTypes,
        issuer: tuple[rsa.RSAPrivateKey, x509.Certificate] | None,
        *,
        ca: bool = False,
        server: bool = False,
        life: dt.timedelta = _LIFE,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        end = now() + life
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer[1].subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now(), end) - dt.timedelta(days=1))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if server:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.root_key if issuer is None else issuer[0], hashes.SHA256())

    def _write(self, name: str, *certificates: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))
        return path


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
