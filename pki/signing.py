"""From to-be-signed bytes to a signed structure: one place for certificates, CRLs and OCSP answers.

Signatures are sha256WithRSAEncryption, PKCS#1 v1.5: deterministic, so that the same bytes give the same certificate
again after a crash.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from pki.certificates import der
from pki.errors import SignerError
from pki.signer import Signer

_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()


def sign(tbs: bytes, signer: Signer, issuer_key: rsa.RSAPublicKey, appendix: bytes = b"") -> bytes:
    """Return SEQUENCE(tbs, algorithm, signature, appendix); the signature is verified with the certified key.

    SignerError when the signer fails or its signature does not verify: a fault of the hardware must never leave.
    """
    signature = signer.sign(tbs)
    try:
        issuer_key.verify(signature, tbs, _PKCS1V15, _SHA256)
    except InvalidSignature:
        raise SignerError(f"{signer.authority} : la signature faite n'est pas vérifiée par la clé certifiée") from None
    return der.sequence(tbs, der.SHA256_WITH_RSA, der.bit_string(signature), appendix)
