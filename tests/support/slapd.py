"""A real LDAP server: OpenLDAP's slapd on ports of its own, with TLS and entries, that can be held and stopped."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runtime.probes import tcp_answers
from runtime.processes.bound import bound
from tests.support.pairs import Pair
from tests.support.queue_server import free_port

Entry = tuple[str, Mapping[str, str | list[str]]]

BASE = "dc=annuaire,dc=example"
STRUCTURES, PERSONNES = f"ou=structures,{BASE}", f"ou=personnes,{BASE}"
READER, PASSWORD = f"cn=lecteur,{BASE}", "mot-de-passe-de-lecture"
_SBIN = Path("/usr/sbin")
_SECONDS = 20.0

_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sizelimit {sizelimit}
disallow bind_anon
require authc
database mdb
suffix "{base}"
rootdn "{reader}"
rootpw {password}
directory {folder}/data
index objectClass,ou,uid eq
index sn,givenName eq,sub
"""


class Slapd:
    """One server; ``start`` it, then ``add`` entries with ldapadd, and ``stop`` it."""

    def __init__(self, folder: Path, *, sizelimit: int = 100) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.tls_port = free_port(), free_port()
        (folder / "data").mkdir(parents=True)
        pair = self_signed(folder, "slapd")
        self.ca_file = pair.certificate
        self._config = folder / "slapd.conf"
        self._config.write_text(
            _CONFIG.format(
                folder=folder, ca=self.ca_file, certificate=pair.certificate, key=pair.key, base=BASE, reader=READER,
                password=PASSWORD, sizelimit=sizelimit,
            )
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def load(self, entries: Iterable[Entry]) -> None:
        """Put entries into the database of a server that does not run."""
        ldif = self._folder / "entries.ldif"
        ldif.write_text("\n".join(_as_ldif(dn, attributes) for dn, attributes in entries), encoding="utf-8")
        subprocess.run([_SBIN / "slapadd", "-q", "-f", self._config, "-l", ldif], check=True, capture_output=True)

    def start(self) -> None:
        urls = f"{self.url} {self.tls_url}"
        command = [str(_SBIN / "slapd"), "-f", str(self._config), "-h", urls, "-d", "0"]
        self._process = subprocess.Popen(bound(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _SECONDS
        while not (tcp_answers("127.0.0.1", self.port) and tcp_answers("127.0.0.1", self.tls_port)):
            assert self._process.poll() is None, "slapd does not start"
            assert time.monotonic() < deadline, "slapd does not listen"
            time.sleep(0.02)

    def hold(self) -> None:
        """It still takes connections, and says nothing any more."""
        self._signal(signal.SIGSTOP)

    def let_go(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self.let_go()
            self._process.kill()
            self._process.wait(_SECONDS)
            self._process = None

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def _as_ldif(dn: str, attributes: Mapping[str, str | list[str]]) -> str:
    lines = [f"dn:: {base64.b64encode(dn.encode()).decode()}"]
    for name, values in attributes.items():
        written = [values] if isinstance(values, str) else values
        lines += [f"{name}:: {base64.b64encode(value.encode()).decode()}" for value in written]
    return "\n".join([*lines, ""])


def self_signed(folder: Path, name: str) -> Pair:
    """A certificate for 127.0.0.1 that is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = Pair.at(folder, name)
    pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


def tree(*entries: Entry) -> list[Entry]:
    """The entries below the two branches that they stand in."""
    top: Entry = (BASE, {"objectClass": ["dcObject", "organization"], "dc": "annuaire", "o": "Annuaire"})
    branches: list[Entry] = [
        (dn, {"objectClass": "organizationalUnit", "ou": dn.partition(",")[0].removeprefix("ou=")})
        for dn in (STRUCTURES, PERSONNES)
    ]
    return [top, *branches, *entries]


def structure(ident: str, raison_sociale: str, departement: str) -> Entry:
    # Of the standard classes only this one has both ``ou`` and ``st`` beside ``o``.
    return (
        f"ou={ident},{STRUCTURES}",
        {"objectClass": ["organization", "extensibleObject"], "ou": ident, "o": raison_sociale, "st": departement},
    )


def personne(ident: str, nom: str, prenom: str, *structures: str, **more: str) -> Entry:
    """A person, a physician unless ``more`` says something else; ``ou`` names where he works."""
    attributes: dict[str, str | list[str]] = {
        "objectClass": "inetOrgPerson",
        "uid": ident,
        "cn": f"{prenom} {nom}",
        "sn": nom,
        "givenName": prenom,
        "title": "Médecin",
        **more,
    }
    if structures:
        attributes["ou"] = list(structures)
    return (f"uid={ident.replace('/', '-')},{PERSONNES}" if "/" in ident else f"uid={ident},{PERSONNES}", attributes)
