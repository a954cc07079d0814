"""The ceremony makes a hierarchy from one file, notes what it did, and never overwrites."""

import json
import stat
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID as Oid

import pki.ceremony.perform
from pki.authority import Authority, load_authorities
from pki.ceremony.configuration import CeremonyConfig, IssuingConfig, check_config, default_settings, read_config
from pki.ceremony.perform import perform
from pki.ceremony.steps import PROTOCOL_NAME
from pki.certificates.profiles import DELTA_IN_DIRECTORY
from pki.containers.pkcs7 import read_certs_only
from pki.errors import CeremonyError
from pki.issuing.signers.stores import key_file
from pki.keys.private import write_new_passphrase
from runtime.whole_files import AlreadyThereError, write_new

NOW = datetime(2026, 11, 23, 17, 33, 19, tzinfo=UTC)
PASSPHRASE = b"a pass phrase of the tests"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ceremony")


@pytest.fixture(scope="module")
def made(folder: Path) -> Mapping[str, Authority]:
    return perform(
        CeremonyConfig(plateforme="TEST", key_bits=2048),
        authorities_folder=folder / "ac",
        keys_folder=folder / "cles",
        passphrase=PASSPHRASE,
        root_passphrase=b"another one for the root",
        now=NOW,
    )


def test_hierarchy_is_a_root_and_three_issuing_authorities(made: Mapping[str, Authority]) -> None:
    assert list(made) == ["ACR-EL-TEST", "ACI-EL-PP-TEST", "ACI-EL-ORG-TEST", "ACI-CARTES-TEST"]
    root = made["ACR-EL-TEST"]
    assert root.is_root
    assert root.products == frozenset()
    assert root.common_name == "TEST AC RACINE IGC EXEMPLE ELEMENTAIRE"
    assert all(authority.chain[1:] == root.chain for name, authority in made.items() if name != "ACR-EL-TEST")
    assert "TLS_SERVER" in made["ACI-EL-ORG-TEST"].products
    assert made["ACI-CARTES-TEST"].products == {"CPS_AUTH", "CPF_AUTH", "CPE_AUTH", "CPA_AUTH"}


def test_authority_certificates_have_the_profile_of_the_facts(
    made: Mapping[str, Authority], findings_of_certificate: Callable[[bytes], set[tuple[str, str]]]
) -> None:
    for name, authority in made.items():
        certificate, is_root = authority.certificate, name == "ACR-EL-TEST"
        oids = [extension.oid for extension in certificate.extensions]
        expected = [Oid.BASIC_CONSTRAINTS, Oid.KEY_USAGE, Oid.CERTIFICATE_POLICIES]
        expected += [] if is_root else [Oid.CRL_DISTRIBUTION_POINTS]
        assert oids == [*expected, Oid.SUBJECT_KEY_IDENTIFIER, Oid.AUTHORITY_KEY_IDENTIFIER]
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=None if is_root else 0)
        assert certificate.extensions.get_extension_for_class(x509.KeyUsage).critical
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        assert policies[0].policy_identifier.dotted_string == "2.5.29.32.0"
        assert policies[0].policy_qualifiers == ["http://igc.example/PC%20TEST"]
        assert {s for s, _ in findings_of_certificate(authority.certificate_der)} <= {"NOTICE", "INFO"}
    (http, ldap) = (
        made["ACI-EL-PP-TEST"]
        .certificate.extensions.get_extension_for_class(
            x509.CRLDistributionPoints,
        )
        .value
    )
    assert http.full_name[0].value == "http://igc.example/CRL/ACR-EL-TEST.crl"
    assert ldap.full_name[0].value.startswith(
        "ldap://annuaire.igc.example/cn=TEST%20AC%20RACINE%20IGC%20EXEMPLE%20ELEMENTAIRE,ou=IGC-EXEMPLE%20TEST,",
    )


def test_validity_begins_at_midnight_and_issuing_authorities_end_a_day_earlier(made: Mapping[str, Authority]) -> None:
    root, issuing = made["ACR-EL-TEST"], made["ACI-EL-PP-TEST"]
    assert root.not_before == issuing.not_before == datetime(2026, 11, 23, tzinfo=UTC)
    assert root.not_after == datetime(2046, 11, 23, tzinfo=UTC)
    assert issuing.not_after == root.not_after - timedelta(days=1)


def test_keys_are_encrypted_and_closed_to_others(made: Mapping[str, Authority], folder: Path) -> None:
    for name in made:
        path = key_file(folder / "cles", name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        passphrase = b"another one for the root" if name == "ACR-EL-TEST" else PASSPHRASE
        key = load_pem_private_key(path.read_bytes(), passphrase)
        assert key.public_key() == made[name].certificate.public_key()
    assert stat.S_IMODE((folder / "cles").stat().st_mode) == 0o700
    assert sorted(path.name for path in (folder / "cles").iterdir()) == sorted(f"{name}.key.pem" for name in made)


def test_files_to_publish(made: Mapping[str, Authority], folder: Path) -> None:
    chain = read_certs_only((folder / "ac" / "Chaine_de_certification-TEST.p7b").read_bytes())
    assert sorted(chain) == sorted(authority.certificate_der for authority in made.values())
    for name, authority in made.items():
        assert (folder / "ac" / f"{name}.cer").read_bytes() == authority.certificate_der
    assert not [path for path in (folder / "ac").iterdir() if path.name.startswith(".")]
    assert load_authorities(folder / "ac").keys() == made.keys()


def test_protocol_names_every_act_and_no_secret(made: Mapping[str, Authority], folder: Path) -> None:
    text = (folder / "ac" / PROTOCOL_NAME).read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["begin", *["key"] * 4, *["certificate"] * 4, "end"]
    assert {line["at"] for line in lines} == {"2026-11-23T17:33:19+00:00"}
    assert [line["serial"] for line in lines if line["event"] == "certificate"] == [
        f"{authority.certificate.serial_number:032x}" for authority in made.values()
    ]
    assert "pass phrase" not in text


def test_nothing_is_overwritten(made: Mapping[str, Authority], folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for authorities, keys in (("ac", "new"), ("new", "cles"), ("ac", "cles")):
        with pytest.raises(CeremonyError):
            perform(
                CeremonyConfig(plateforme="TEST", key_bits=2048),
                authorities_folder=folder / authorities,
                keys_folder=folder / keys,
                passphrase=PASSPHRASE,
                now=NOW,
            )
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    with pytest.raises(AlreadyThereError):
        write_new(folder / "ac" / "ACR-EL-TEST.pem", b"", secret=False)


def test_short_pass_phrase_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for passphrase, root in ((b"elevenchars", None), (PASSPHRASE, b"elevenchars")):
        with pytest.raises(CeremonyError):
            perform(
                CeremonyConfig(plateforme="TEST", key_bits=2048),
                authorities_folder=tmp_path / "ac",
                keys_folder=tmp_path / "cles",
                passphrase=passphrase,
                root_passphrase=root,
                now=NOW,
            )
    assert list(tmp_path.iterdir()) == []


def test_example_file_states_the_defaults() -> None:
    example = Path(pki.ceremony.perform.__file__).with_name("ceremony.example.toml").read_text()
    config = read_config(example)
    assert check_config(config) == default_settings("TEST")
    plain = CeremonyConfig(plateforme="TEST")
    assert (config.root, config.issuing) == (plain.root, plain.issuing)
    for field in ("country", "organization", "identifier", "infrastructure", "key_bits", "validity_years"):
        assert getattr(config, field) == getattr(plain, field)


def test_settings_named_in_the_file_change_nothing_else() -> None:
    text = 'plateforme = "PRODUCTION"\n[settings]\nocsp_url = ""\n[settings.private_oids]\ncategory = "1.2.3"\n'
    settings = check_config(read_config(text))
    defaults = default_settings("PRODUCTION")
    assert settings == msgspec.structs.replace(
        defaults,
        ocsp_url="",
        private_oids=msgspec.structs.replace(defaults.private_oids, category="1.2.3"),
    )


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("", ("http://igc.example/CRL/{short_name}-delta.crl", DELTA_IN_DIRECTORY)),
        # A file from before the second address: what it names is all there is.
        ('delta_crl_url = "ldap://annuaire.example/{dn}"', ("ldap://annuaire.example/{dn}",)),
        ('delta_crl_url = ""', ()),
        ('delta_crl_url = ""\ndelta_crl_ldap_url = "ldap://a.example/{dn}"', ("ldap://a.example/{dn}",)),
        ('delta_crl_ldap_url = ""', ("http://igc.example/CRL/{short_name}-delta.crl",)),
    ],
)
def test_addresses_of_the_deltas(written: str, addresses: tuple[str, ...]) -> None:
    config = read_config(f'plateforme = "TEST"\n[settings]\n{written}\n')
    assert check_config(config).delta_addresses == addresses


def test_names_are_composed_however_they_were_typed() -> None:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, 'plateforme = "TEST"\norganization = "IGC ÉTÉ"')
        assert read_config(text).organization == "IGC ÉTÉ"


def test_production_names_carry_no_test_mark() -> None:
    config = CeremonyConfig(plateforme="PRODUCTION")
    assert config.short_name("ACR-EL") == "ACR-EL"
    assert config.common_name("AC") == "AC"
    assert check_config(config).category == 0x03
    assert check_config(CeremonyConfig(plateforme="TEST")).category == 0x83


WRONG = {
    "no plateforme": "",
    "unknown plateforme": 'plateforme = "DEV"',
    "unknown key": 'plateforme = "TEST"\npasswords = 1',
    "unknown setting": 'plateforme = "TEST"\n[settings]\nvalidity = 3',
    "setting of a wrong type": 'plateforme = "TEST"\n[settings]\ngeneration = 3',
    "address with an unknown part": 'plateforme = "TEST"\n[settings]\ncrl_url = "http://a.example/{name}.crl"',
    "address with a format": 'plateforme = "TEST"\n[settings]\ncrl_url = "http://a.example/{dn!r}"',
    "address with accents": 'plateforme = "TEST"\n[settings]\nocsp_url = "http://é.example"',
    "policy that is no OID": 'plateforme = "TEST"\n[settings]\npolicy_oid = "politique"',
    "private OID that is none": 'plateforme = "TEST"\n[settings.private_oids]\ncategory = "1"',
    "category beyond an octet": 'plateforme = "TEST"\n[settings]\ncategory = 256',
    "organization of no length": 'plateforme = "TEST"\n[settings]\norganization_length = 0',
    "six years": 'plateforme = "TEST"\n[settings]\nvalidity_years = 6',
    "small key": 'plateforme = "TEST"\nkey_bits = 1024',
    "short name with a path": 'plateforme = "TEST"\n[root]\nshort_name = "../AC"',
    "no issuing authority": 'plateforme = "TEST"\nissuing = []',
    "unknown product": 'plateforme = "TEST"\n[[issuing]]\nshort_name = "A1"\ncommon_name = "A"\nproducts = ["X"]',
    "short name twice": 'plateforme = "TEST"\n[[issuing]]\nshort_name = "ACR-EL"\ncommon_name = "A"\nproducts = []',
    "server name twice": (
        'plateforme = "TEST"\n'
        + '[[servers]]\nname = "ws"\ndns_names = ["a.example"]\nstate = "P"\norganization = "O"\norganizational_unit = "1"\n'
        * 2
    ),
    "revoked serial twice": (
        'plateforme = "TEST"\n[root]\noffline = true\nrevoked = ['
        '{ serial = "0a1b", revoked_at = 2027-01-01T00:00:00Z, reason = "keyCompromise" },'
        '{ serial = "000a1b", revoked_at = 2027-01-02T00:00:00Z, reason = "superseded" }]'
    ),
    "one address for the lists of all": 'plateforme = "TEST"\n[settings]\ncrl_url = "http://a.example/ac.crl"',
    "one address for the deltas of all": 'plateforme = "TEST"\n[settings]\ndelta_crl_url = "http://a.example/d.crl"',
    "one address for all certificates": 'plateforme = "TEST"\n[settings]\nca_issuers_url = "http://a.example/ac.cer"',
    "revocation that nobody would publish": (
        'plateforme = "TEST"\n[root]\n'
        'revoked = [{ serial = "0a1b", revoked_at = 2027-01-01T00:00:00Z, reason = "keyCompromise" }]'
    ),
    "revocation without zone": (
        'plateforme = "TEST"\n[root]\noffline = true\n'
        'revoked = [{ serial = "0a1b", revoked_at = 2027-01-01T00:00:00, reason = "keyCompromise" }]'
    ),
    "not TOML": "plateforme = ",
    "organization with a zero-width space": 'plateforme = "TEST"\norganization = "IGC\\u200b EXEMPLE"',
    "common name with a filler": 'plateforme = "TEST"\n[root]\ncommon_name = "AC \\u3164 RACINE"',
    "infrastructure with a blank at its end": 'plateforme = "TEST"\ninfrastructure = "IGC "',
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_configuration_is_refused(name: str) -> None:
    with pytest.raises(CeremonyError) as caught:
        read_config(WRONG[name])
    assert str(caught.value).startswith("fichier de cérémonie")


def test_two_keys_under_one_name_for_a_rollover(tmp_path: Path) -> None:
    twins = tuple(
        IssuingConfig(short_name=f"ACI-EL-ORG-{n}", common_name="AC ORGANISATIONS", products=("ORG_SIGN",))
        for n in (1, 2)
    )
    made = perform(
        CeremonyConfig(plateforme="PRODUCTION", key_bits=2048, issuing=twins),
        authorities_folder=tmp_path / "ac",
        keys_folder=tmp_path / "cles",
        passphrase=PASSPHRASE,
        now=NOW,
    )
    first, second = made["ACI-EL-ORG-1"], made["ACI-EL-ORG-2"]
    assert first.name_der == second.name_der
    assert first.key_id != second.key_id


def test_new_pass_phrase_is_long_random_and_closed_to_others(tmp_path: Path) -> None:
    one, two = (write_new_passphrase(tmp_path / name) for name in ("one", "two"))
    assert one != two
    assert len(one) >= 40
    assert (tmp_path / "one").read_bytes() == one + b"\n"
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
