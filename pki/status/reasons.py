"""Why a certificate was revoked, in the words of RFC 5280 §5.3.1; CRLs and OCSP say it alike."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class RevocationReason(IntEnum):
    """CRLReason (RFC 5280 §5.3.1). `unspecified` is never written; removeFromCRL only in delta CRLs."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


REASONS: Mapping[str, RevocationReason] = MappingProxyType(
    {
        "unspecified": RevocationReason.UNSPECIFIED,
        "keyCompromise": RevocationReason.KEY_COMPROMISE,
        "affiliationChanged": RevocationReason.AFFILIATION_CHANGED,
        "superseded": RevocationReason.SUPERSEDED,
        "cessationOfOperation": RevocationReason.CESSATION_OF_OPERATION,
        "privilegeWithdrawn": RevocationReason.PRIVILEGE_WITHDRAWN,
    }
)
"""The reasons that a leaf may be revoked for, by the name they are stored under."""
