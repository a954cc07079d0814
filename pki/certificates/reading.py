"""What `cryptography` raises on bytes of strangers: half of it is no ValueError."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""The structure cannot be read, or has not what is asked of it."""

UNVERIFIED = (*UNREADABLE, InvalidSignature)
"""Nor does it verify."""
