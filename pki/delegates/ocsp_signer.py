"""The office of an OCSP responder (RFC 6960 §4.2.2.2): who answers for an authority without holding its key.

One per authority, of short life, so that id-pkix-ocsp-nocheck is bearable.
"""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.authority import Authority
from pki.delegates.delegated import ExtensionList, Office


def _particular(_authority: Authority) -> ExtensionList:
    """No CRL distribution point and no address of a responder: nocheck says that nobody shall look."""
    return [
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
        (x509.OCSPNoCheck(), False),
    ]


RESPONDER = Office(product="OCSP_SIGNER", prefix="OCSP ", suffix_of_file="ocsp", particular=_particular)
