"""In which order the extensions of a leaf certificate stand, by generation of the profile."""

from collections.abc import Mapping
from types import MappingProxyType

_ORDER_1 = (
    "basic_constraints",
    "subject_key_identifier",
    "authority_key_identifier",
    "key_usage",
    "certificate_policies",
    "extended_key_usage",
    "private_key_usage_period",
    "subject_alternative_name",
    "crl_distribution_points",
    "freshest_crl",
    "authority_information_access",
    "category",
    "card_type",
    "card_number",
    "profession",
    "training",
    "specialities",
    "pharmacist_table",
)
_ORDER_2 = (
    "extended_key_usage",
    "authority_key_identifier",
    "authority_information_access",
    "certificate_policies",
    "private_key_usage_period",
    "subject_alternative_name",
    "crl_distribution_points",
    "subject_key_identifier",
    "freshest_crl",
    "key_usage",
    "category",
    "card_type",
    "card_number",
    "profession",
    "training",
    "specialities",
    "pharmacist_table",
    "basic_constraints",
)
EXTENSION_ORDER: Mapping[int, tuple[str, ...]] = MappingProxyType({1: _ORDER_1, 2: _ORDER_2})
