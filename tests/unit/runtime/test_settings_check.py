"""``check`` names what would stop a process from starting, and only that."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from commands.checks import check_config
from pki.errors import KeyListError
from runtime.settings.check import check, warnings
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from tests.vectors.samples import make_root


def _secret(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _pair(certificate_file: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now)
    _secret(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate_file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a data folder where everything is in place."""
    data = tmp_path / "donnees"
    data.mkdir(mode=0o700)
    settings = Settings.from_mapping({"data_dir": str(data)}, base=tmp_path)
    settings.pki.authorities_dir.mkdir(parents=True)
    settings.pki.keys_dir.mkdir(mode=0o700)
    _secret(settings.pki.pass_phrase_file.path, b"phrase\n")
    _secret(settings.publication.ocsp_pass_phrase_file.path, b"phrase\n")
    _secret(settings.portal.session_secret_file.path, b"x" * 32)
    for section in (settings.ws, settings.portal):
        _pair(section.tls_certificate_file, section.tls_key_file.path)
    return settings


def test_nothing_to_say_when_all_is_in_place(settings: Settings) -> None:
    assert check(settings) == ()


@pytest.mark.parametrize(
    ("spoil", "keys"),
    [
        (lambda s: s.data_dir.chmod(0o755), ["data_dir"]),
        (lambda s: s.pki.authorities_dir.rmdir(), ["pki.authorities_dir"]),
        (lambda s: s.pki.keys_dir.chmod(0o755), ["pki.keys_dir"]),
        (lambda s: s.pki.pass_phrase_file.path.chmod(0o644), ["pki.pass_phrase_file"]),
        (lambda s: s.portal.session_secret_file.path.write_bytes(b"court"), ["portal.session_secret_file"]),
        (lambda s: s.ws.tls_certificate_file.unlink(), ["ws.tls_certificate_file"]),
        (lambda s: s.ws.tls_key_file.path.unlink(), ["ws.tls_key_file"]),
        (lambda s: s.portal.tls_certificate_file.write_text("autre"), ["portal.tls_certificate_file"]),
        (
            lambda s: s.ws.tls_certificate_file.write_bytes(s.portal.tls_certificate_file.read_bytes()),
            ["ws.tls_certificate_file"],
        ),
    ],
)
def test_what_is_missing_or_open_is_named(
    settings: Settings, spoil: Callable[[Settings], object], keys: list[str]
) -> None:
    spoil(settings)
    assert [problem.cle for problem in check(settings)] == keys


def test_an_empty_folder_lacks_everything(tmp_path: Path) -> None:
    settings = Settings.from_mapping({"data_dir": str(tmp_path / "absent")}, base=tmp_path)
    assert {problem.cle for problem in check(settings)} == {
        "data_dir", "pki.authorities_dir", "pki.keys_dir", "pki.pass_phrase_file", "ws.tls_key_file",
        "ws.tls_certificate_file", "portal.tls_key_file", "portal.tls_certificate_file", "portal.session_secret_file",
        "publication.ocsp_pass_phrase_file",
    }  # fmt: skip


def test_passwords_named_but_absent(settings: Settings, tmp_path: Path) -> None:
    values = {"data_dir": "donnees", "database_password_file": "bd", "queue_password_file": "file"}
    named = Settings.from_mapping(values, base=tmp_path)
    assert [problem.cle for problem in check(named)] == ["database_password_file", "queue_password_file"]


def test_keys_in_a_token_need_its_module_and_pin_and_no_key_files(settings: Settings, tmp_path: Path) -> None:
    signers = {"default": "pkcs11", "module_file": str(tmp_path / "absent.so")}
    in_token = Settings.from_mapping({"data_dir": "donnees", "pki": {"signers": signers}}, base=tmp_path)
    in_token.pki.pass_phrase_file.path.unlink()
    assert [problem.cle for problem in check(in_token)] == ["pki.signers.module_file", "pki.signers.pin_file"]
    mixed = signers | {"authorities": {"ACR-EL": "software"}}
    both = Settings.from_mapping({"data_dir": "donnees", "pki": {"signers": mixed}}, base=tmp_path)
    assert "pki.pass_phrase_file" in [problem.cle for problem in check(both)]


def test_a_list_of_weak_keys_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "liste").touch()
    values = {"data_dir": "donnees", "pki": {"weak_key_files": ["liste", "absente"]}}
    (problem,) = check(Settings.from_mapping(values, base=tmp_path))
    assert problem.cle == "pki.weak_key_files"
    assert str(tmp_path / "absente") in problem.texte


def _with_pki(tmp_path: Path, plateforme: str, **pki: object) -> Settings:
    (tmp_path / "texte.txt").write_text("texte")
    textes = {"cgu_file": "texte.txt", "cgu_version": "1.0", "pc_file": "texte.txt", "pc_version": "1.0"}
    values = {"plateforme": plateforme, "data_dir": "donnees", "pki": pki, "textes": textes}
    return Settings.from_mapping(values, base=tmp_path)


def test_no_list_of_weak_keys_is_a_warning_on_test(settings: Settings) -> None:
    assert check(settings) == ()
    (warning,) = warnings(settings)
    assert str(warning).startswith("pki.weak_key_files : aucune liste")


@pytest.mark.usefixtures("settings")
def test_no_list_of_weak_keys_is_refused_on_production_unless_said(tmp_path: Path) -> None:
    (problem,) = check(_with_pki(tmp_path, "PRODUCTION"))
    assert problem.cle == "pki.weak_key_files"
    assert "without_weak_key_files" in problem.texte
    said = _with_pki(tmp_path, "PRODUCTION", without_weak_key_files=True)
    assert check(said) == ()
    assert [one.cle for one in warnings(said) if one.cle.startswith("pki.")] == ["pki.weak_key_files"]
    (tmp_path / "liste").touch()
    given = _with_pki(tmp_path, "PRODUCTION", weak_key_files=["liste"])
    assert check(given) == ()
    assert [one.cle for one in warnings(given) if one.cle.startswith("pki.")] == []


def test_a_list_and_the_word_that_there_is_none_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        _with_pki(tmp_path, "TEST", weak_key_files=["liste"], without_weak_key_files=True)
    assert "without_weak_key_files" in str(caught.value)


@pytest.mark.usefixtures("settings")
def test_the_verb_says_how_many_keys_are_listed_or_that_none_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "igc.toml"
    config.write_text('data_dir = "donnees"\n')
    with pytest.raises(SettingsError, match=r"authorities\.json"):
        check_config.run(config)
    root = make_root()
    entry = {"short_name": root.short_name, "issuer": root.short_name}
    folder = tmp_path / "donnees" / "pki" / "autorites"
    (folder / "authorities.json").write_text(json.dumps({"authorities": [entry]}))
    (folder / f"{root.short_name}.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    check_config.run(config)
    warned, new, correct = capsys.readouterr().out.splitlines()
    assert new == "Base de données : pas encore créée, `igc serve` la crée."
    assert warned.startswith("Attention : pki.weak_key_files : aucune liste")
    assert correct.startswith("Réglages corrects : plateforme TEST")
    (tmp_path / "liste").write_text("0123456789abcdef0123\n")
    config.write_text('data_dir = "donnees"\npki.weak_key_files = ["liste"]\n')
    check_config.run(config)
    assert capsys.readouterr().out.splitlines()[0] == f"Clés prévisibles, empreintes : 1 dans {tmp_path / 'liste'}."
    (tmp_path / "liste").write_text("0123456789abcdef012\n")
    with pytest.raises(KeyListError):
        check_config.run(config)


def test_two_services_at_one_address(settings: Settings) -> None:
    portal = settings.portal.model_copy(update={"port": settings.ws.port})
    publication = settings.publication.model_copy(update={"port": settings.ws.port})
    crowded = settings.model_copy(update={"portal": portal, "publication": publication})
    assert [problem.cle for problem in check(crowded)] == ["portal.port", "publication.port"]


def test_without_publication_its_secret_is_not_needed(settings: Settings, tmp_path: Path) -> None:
    settings.publication.ocsp_pass_phrase_file.path.unlink()
    assert [problem.cle for problem in check(settings)] == ["publication.ocsp_pass_phrase_file"]
    without = Settings.from_mapping({"data_dir": "donnees", "publication": {"processes": 0}}, base=tmp_path)
    assert check(without) == ()


def test_a_public_address_of_one_machine_is_no_address_of_production(tmp_path: Path) -> None:
    def told(**values: object) -> list[str]:
        return [one.cle for one in warnings(Settings.from_mapping(values, base=tmp_path)) if one.cle.endswith("_url")]

    assert told() == []
    assert told(plateforme="PRODUCTION") == ["ws.public_url", "portal.public_url", "textes.public_url"]
    known = {"ws": {"public_url": "https://lots.igc.example"}, "textes": {"public_url": "http://igc.example"}}
    assert told(plateforme="PRODUCTION", **known) == ["portal.public_url"]


@pytest.mark.usefixtures("settings")
def test_production_has_texts_of_its_own(tmp_path: Path) -> None:
    def told(**section: object) -> list[str]:
        pki = {"without_weak_key_files": True}
        values = {"plateforme": "PRODUCTION", "data_dir": "donnees", "pki": pki, "textes": section}
        return [problem.cle for problem in check(Settings.from_mapping(values, base=tmp_path))]

    for name in ("cgu.txt", "pc.pdf"):
        (tmp_path / name).write_text("texte")
    assert told() == ["textes.cgu_file", "textes.cgu_version", "textes.pc_file", "textes.pc_version"]
    files = {"cgu_file": "cgu.txt", "pc_file": "pc.pdf"}
    assert told(**files, cgu_version="1.0") == ["textes.pc_version"]
    assert told(**files, cgu_version="1.0", pc_version="2026-11") == []
    assert told(cgu_file="absent.txt", pc_file="pc.pdf", cgu_version="1", pc_version="1") == ["textes.cgu_file"]
