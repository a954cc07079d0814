"""Writes the golden vectors: `python -m tests.vectors.generate`. A test runs it again and compares every byte.

A change of these files is a change of what the authorities issue.
"""

import sys
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.ceremony.configuration import default_settings
from pki.certificates.profiles import DELTA_IN_DIRECTORY
from pki.containers.pkcs7 import certs_only
from pki.issuing.crl import CrlEntry, build_crl
from pki.issuing.issuance import issue, lint, prepare
from pki.status.reasons import RevocationReason
from tests.vectors.csr_cases import CASES
from tests.vectors.keys import key
from tests.vectors.samples import NOW, SERIAL, SHAPES, KeySigner, make_issuing, make_root, spki

FOLDER = Path(__file__).parent / "pki"
# Requests that other programs make or read, as files for whoever reads files: the server's side and the client's.
_REQUESTS = (
    "good", "version-1", "prime-modulus", "no-attributes", "signature-with-unused-bits", "subject-unsorted",
    "subject-printable-0", "twice", "two-in-pem", "utf-16", "pem-instead-of-der", "base64-instead-of-der", "a-certificate",
)  # fmt: skip


def vectors() -> dict[str, bytes]:
    """Return every vector by file name."""
    files = {
        "root.pem": make_root().certificate.public_bytes(Encoding.PEM),
        "issuing.pem": make_issuing().certificate.public_bytes(Encoding.PEM),
    }
    for generation in (1, 2):
        settings = msgspec.structs.replace(default_settings("TEST"), generation=generation)
        authority = make_issuing(settings)
        signer = KeySigner(authority.short_name, key("issuing"))
        for name, content in SHAPES.items():
            prepared = prepare(authority, content, spki(), SERIAL, NOW)
            certificate = x509.load_der_x509_certificate(issue(lint(prepared, authority), signer).der)
            files[f"{name}.gen{generation}.pem"] = certificate.public_bytes(Encoding.PEM)
    files["org-auth-cli.one-delta-address.gen2.pem"] = _before_the_second_delta_address()
    files |= _crls()
    files |= {f"{name}.csr": CASES[name].make() for name in _REQUESTS}
    leaf = x509.load_pem_x509_certificate(files["org-auth-cli.gen2.pem"]).public_bytes(Encoding.DER)
    files["org-auth-cli.p7b"] = certs_only(leaf, make_issuing().chain)
    return files


def _before_the_second_delta_address() -> bytes:
    """What authorities issue whose index names one address of their deltas: that of a directory."""
    settings = msgspec.structs.replace(
        default_settings("TEST"), delta_crl_url=DELTA_IN_DIRECTORY, delta_crl_ldap_url=""
    )
    authority = make_issuing(settings)
    prepared = prepare(authority, SHAPES["org-auth-cli"], spki(), SERIAL, NOW)
    issued = issue(lint(prepared, authority), KeySigner(authority.short_name, key("issuing")))
    return x509.load_der_x509_certificate(issued.der).public_bytes(Encoding.PEM)


def _crls() -> dict[str, bytes]:
    authority = make_issuing()
    signer = KeySigner(authority.short_name, key("issuing"))
    week = NOW + timedelta(days=7)
    entries = [
        CrlEntry(SERIAL, NOW - timedelta(days=3), RevocationReason.KEY_COMPROMISE),
        CrlEntry(SERIAL - 7, NOW - timedelta(days=2), RevocationReason.CESSATION_OF_OPERATION),
        CrlEntry(SERIAL - 8, NOW - timedelta(days=1)),
    ]
    return {
        "empty.crl": build_crl(authority, signer, [], 1, NOW, week),
        "three-entries.crl": build_crl(authority, signer, entries, 300, NOW, week),
    }


def main() -> int:
    """Write every vector and remove what is none."""
    FOLDER.mkdir(exist_ok=True)
    files = vectors()
    for path in FOLDER.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
    print(f"{len(files)} vectors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
