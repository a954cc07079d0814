"""The form that a value has in the contract's answers: its signs and its length, before anything is known of it.

A sender may write anything in an item; what has not this form is told in the verdict and never stored.
``tests/contract`` holds these to the published XSD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from registration.vocabulary import offre_of, usage_of

MAX_FQDNS = 5
STRUCTURE_PATTERN = r"[0-9][0-9A-Z]{5,19}"
PERSONNE_PATTERN = r"[0-9][0-9A-Z/]{5,31}"
REFERENCE_PATTERN = r"[A-Za-z0-9._:/\-]{1,64}"
SERVICE_LENGTH = 64
# RFC 5321 §4.5.3.1.3 leaves 254 between the brackets of a path; RFC 1035 §2.3.4 leaves 253 of a name without its root.
EMAIL_LENGTH = 254
FQDN_LENGTH = 253


def is_structure(value: str) -> bool:
    """Whether it could be the national id of a structure, e.g. 1750140014."""
    return re.fullmatch(STRUCTURE_PATTERN, value) is not None


def is_personne(value: str) -> bool:
    """Whether it could be the national id of a person, e.g. 899700027131."""
    return re.fullmatch(PERSONNE_PATTERN, value) is not None


def is_reference(value: str) -> bool:
    """Whether it can be the sender's name for an item or a lot."""
    return re.fullmatch(REFERENCE_PATTERN, value) is not None


def is_fqdn_text(value: str) -> bool:
    """Whether it can be shown as the name of a server, right or wrong."""
    return _is_text(value, FQDN_LENGTH)


def _is_text(value: str, longest: int) -> bool:
    return 1 <= len(value) <= longest and value.isprintable()


def _is_email_text(value: str) -> bool:
    return _is_text(value, EMAIL_LENGTH)


def _is_service_text(value: str) -> bool:
    return _is_text(value, SERVICE_LENGTH)


def _is_offre(value: str) -> bool:
    return offre_of(value) is not None


def _is_usage(value: str) -> bool:
    return usage_of(value) is not None


FORMS: Mapping[str, Callable[[str], bool]] = {
    "offre": _is_offre,
    "usage": _is_usage,
    "reference": is_reference,
    "id_structure": is_structure,
    "id_beneficiaire": is_personne,
    "service_applicatif": _is_service_text,
    "adresse_email": _is_email_text,
    "adresse_cle": _is_email_text,
    "upn": _is_email_text,
    "email_acteur": _is_email_text,
    "email_informe": _is_email_text,
}
"""Whether a value fits into each column that a sender fills."""
