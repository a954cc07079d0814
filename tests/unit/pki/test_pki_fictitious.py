"""What is invented and must not be signed into authorities of PRODUCTION."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pki.ceremony import configuration
from pki.ceremony.configuration import (
    CeremonyConfig,
    IssuingConfig,
    RevokedConfig,
    RootConfig,
    ServerConfig,
    read_config,
)
from pki.ceremony.fictitious import fictitious_authorities, fictitious_servers, is_reserved
from pki.certificates.profiles import PrivateOids, ProfileSettings
from pki.errors import CeremonyError
from tests.support.ceremonies import ceremony_file

EXAMPLE = Path(configuration.__file__).with_name("ceremony.example.toml").read_text()


def test_the_defaults_are_refused_on_production_one_by_one() -> None:
    found = fictitious_authorities(CeremonyConfig(plateforme="PRODUCTION"))
    named = {line.partition(" :")[0] for line in found}
    oids = {f"settings.private_oids.{name}" for name in PrivateOids.__struct_fields__}
    addresses = {f"settings.{name}" for name in ProfileSettings.__struct_fields__ if name.endswith(("_url", "_uri"))}
    assert named == oids | addresses | {
        "organization", "identifier", "infrastructure", "root.common_name", "settings.policy_oid",
        "settings.seal_key_usage_oid", *(f"issuing {one.short_name}.common_name" for one in CeremonyConfig(plateforme="TEST").issuing),
    }  # fmt: skip
    assert fictitious_authorities(CeremonyConfig(plateforme="TEST")) == ()


def test_a_real_file_is_not_refused_and_each_of_its_values_matters() -> None:
    text = ceremony_file("PRODUCTION", "ACI-ORG")
    config = read_config(text)
    assert fictitious_authorities(config) == fictitious_servers(config) == ()
    for real, invented in (
        ("1.2.250.1.99999", "1.3.6.1.4.1.32473"),
        ("acacias-sante.fr", "igc.example"),
        ("http://ocsp.acacias-sante.fr", "http://127.0.0.1:8480"),
        ("GIP DES ACACIAS", "IGC EXEMPLE"),
        ("0002 180089013", "0002 000000000"),
    ):
        changed = read_config(text.replace(real, invented))
        assert fictitious_authorities(changed), invented


def test_servers_are_looked_at_as_well() -> None:
    text = ceremony_file("PRODUCTION", "ACI-ORG")
    assert fictitious_servers(read_config(text.replace("ws.acacias-sante.fr", "ws.igc.example")))
    assert fictitious_servers(read_config(text.replace('["ws.acacias-sante.fr"]', '["localhost"]')))
    assert not fictitious_servers(read_config(text.replace('["ws.acacias-sante.fr"]', '["a.acacias.fr", "localhost"]')))


@pytest.mark.parametrize(
    "host", ["igc.example", "IGC.EXAMPLE.", "example.com", "www.example.org", "localhost", "a.test", "192.0.2.7", "127.0.0.1",
             "0.0.0.0", "2001:db8::1", "::1"],
)  # fmt: skip
def test_reserved_hosts(host: str) -> None:
    assert is_reserved(host)


@pytest.mark.parametrize("host", ["igc.fr", "example.fr", "notexample.com", "10.0.0.1", "2001:4860::1"])
def test_hosts_that_may_be_real(host: str) -> None:
    assert not is_reserved(host)


def test_every_key_is_in_the_example_file() -> None:
    """As a key in force, or in a comment where none can be."""
    known = _keys(tomllib.loads(EXAMPLE))
    for struct in (
        CeremonyConfig,
        RootConfig,
        IssuingConfig,
        ServerConfig,
        RevokedConfig,
        ProfileSettings,
        PrivateOids,
    ):
        for name in struct.__struct_fields__:
            assert name in known or f"# {name} =" in EXAMPLE or f"[[{name}]]" in EXAMPLE or f"{name} = " in EXAMPLE, (
                name
            )


def _keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return {key for part in value for key in _keys(part)}
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in _keys(part)}
    return set()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "la clé plateforme manque"),
        ('plateforme = "X"', "plateforme : valeur impossible : 'X'"),
        ('plateforme = "TEST"\nkey_bits = "a"', "key_bits : nombre entier attendu"),
        ('plateforme = "TEST"\n[[servers]]\nname = "ws"\ndns_names = ["a.fr"]', "servers n° 1 : la clé state manque"),
        ('plateforme = "TEST"\nplatforme = 1', "clé inconnue : platforme"),
        ('plateforme = "TEST"\n[settings]\nvalidity_years = 9', "settings, validity_years : la valeur maximale est 5"),
        ('plateforme = "TEST"\n[settings]\npolicy_oid = "x"', r"settings, policy_oid : forme refusée"),
        ('plateforme "TEST"', "ligne 1, colonne 12 : mal formé"),
        ('plateforme = "TEST', "mal formé"),
        ('plateforme = "TEST"\n[root]\noffline = true\nrevoked = [{serial = "0a"}]', "revoked n° 1 : la clé"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_french(text: str, told: str) -> None:
    with pytest.raises(CeremonyError) as refused:
        read_config(text)
    assert told in str(refused.value)
    for english in ("Expected", "Object", "missing", "Invalid"):
        assert english not in str(refused.value)
