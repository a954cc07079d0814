"""What the CA core refuses: one tree of typed errors that carry data for the caller.

No text of a library, no key material and no content of a request ever stands in a message.
"""

from enum import Enum


class PkiError(Exception):
    """Anything that the CA core refuses or cannot do."""


class CsrProblem(Enum):
    """Why a certification request was refused; the value is a sentence for engineers and logs."""

    MALFORMED = "The request is not one DER PKCS#10 structure (RFC 2986)."
    TRUNCATED = "The file ends before the structure does."
    TRAILING = "Octets follow the structure."
    BER = "The request is in BER with indefinite lengths."
    SEVERAL = "The file holds more than one structure."
    UTF16 = "The text is in UTF-16."
    PEM_IN_BASE64 = "PEM stands where DER is expected, or was put in base64 as a whole."
    ENCODED_TWICE = "The DER was put in base64 twice."
    CERTIFICATE = "It is a certificate."
    PRIVATE_KEY = "It is, or holds, a private key."
    WRONG_VERSION = "The version is not 0 (RFC 2986 section 4.1)."
    NO_ATTRIBUTES = "The field of attributes is missing; empty, it is still there (RFC 2986 section 4.1)."
    ATTRIBUTES_ORDER = "The attributes are not in the order of DER."
    SUBJECT_ORDER = "A relative name of the subject has its members in another order than that of DER."
    SUBJECT_STRING = "A string of the subject holds octets that its type does not have."
    SIGNATURE_BITS = "The signature is a BIT STRING with unused bits."
    TOO_LARGE = "The request is larger than the limit."
    WRONG_KEY_TYPE = "The public key is not of an accepted type in its canonical form."
    WRONG_ALGORITHM = "The request is not signed with sha256WithRSAEncryption, or ecdsa-with-SHA256 on P-256."
    WRONG_KEY_SIZE = "The RSA modulus does not have exactly 2048 bits."
    WRONG_EXPONENT = "The RSA public exponent is not 65537."
    WEAK_KEY = "The key is weak: its private half can be computed, or is known already."
    BLOCKED_KEY = "The public key is on the block list or belongs to a certification authority."
    BAD_SIGNATURE = "The signature does not prove possession of the private key."


class KeyWeakness(Enum):
    """What exactly is wrong with a weak key."""

    EVEN_MODULUS = "The modulus is even."
    SMALL_FACTOR = "The modulus has a prime factor of at most 751."
    PRIME = "The modulus is a prime: its private half follows from the public one."
    CLOSE_PRIMES = "The two primes are so close that Fermat's method finds them."
    ROCA = "The modulus carries the fingerprint of CVE-2017-15361 (ROCA)."
    KNOWN = "The key is on a list of predictable keys, such as those of CVE-2008-0166 (Debian)."


class CsrError(PkiError):
    """A certification request was refused; `kind` says why, `weakness` refines WEAK_KEY."""

    def __init__(self, kind: CsrProblem, weakness: KeyWeakness | None = None) -> None:
        super().__init__(kind.value if weakness is None else f"{kind.value} {weakness.value}")
        self.kind = kind
        self.weakness = weakness


class ProfileError(PkiError):
    """A content does not fit its certificate profile: `field` is the name in CertificateContent.

    `limit` is the number of characters that the value exceeds, None when it is refused for something else.
    """

    def __init__(self, field: str, reason: str, limit: int | None = None) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.limit = limit


class LintError(PkiError):
    """A prepared certificate breaks a rule and must not be signed: `findings` lists every breach."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class AuthorityError(PkiError):
    """The description, the certificate or the chain of an authority cannot be used."""


class CertificateError(PkiError):
    """A certificate cannot stand for a client."""


class SignerError(PkiError):
    """A signing key cannot be opened, does not belong to its authority, or signed wrongly."""


class NoIssuerError(SignerError):
    """No authority in force, with its key here and not revoked by its root, issues this product."""


class CeremonyError(PkiError):
    """A ceremony refuses its configuration, or would overwrite what exists."""


class CrlError(PkiError):
    """The input of a CRL breaks RFC 5280."""


class CrlForgedError(CrlError):
    """The CRL is not signed by the authority whose list it should be."""


class KeyListError(PkiError):
    """A list of predictable keys cannot be read; `line` counts from 1, 0 when it is the file itself."""

    def __init__(self, name: str, line: int, reason: str) -> None:
        super().__init__(f"{name}, ligne {line} : {reason}" if line else f"{name} : {reason}")
        self.line = line


class OcspRequestError(PkiError):
    """The bytes are not an OCSP request that can be answered: malformedRequest (RFC 6960 §4.2.1)."""


class OcspResponseError(PkiError):
    """An OCSP answer would break RFC 6960."""


class DelegationError(PkiError):
    """The certificate of a delegated key (OCSP responder, audit seal) is not what its office asks for."""


class ContainerError(PkiError):
    """A PKCS#7 or PKCS#12 container cannot be read or made."""
