"""Where igc-client finds the service: options over variables over the TOML file, and every mistake in French."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from clients.cli.configuration import load_configuration
from clients.cli.secrets import read_secret
from clients.errors import SettingsError

TOML = 'url = "https://toml"\ncertificat = "c.pem"\ncle = "/abs/k.pem"\ndelai = 5\n'


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "conf" / "client.toml"
    path.parent.mkdir()
    path.write_text(TOML, encoding="utf-8")
    return path


def test_paths_of_the_file_are_relative_to_it(toml: Path) -> None:
    found = load_configuration({}, file=toml, environment={})
    assert found.certificat == toml.parent / "c.pem"
    assert found.cle == Path("/abs/k.pem")
    assert found.delai == 5.0
    assert (found.ca, found.essais) == (None, 7)


def test_options_win_over_variables_which_win_over_the_file(toml: Path) -> None:
    environment = {"IGCCLIENT_URL": "https://env", "IGCCLIENT_ESSAIS": "3", "IGCCLIENT_CONFIG": str(toml)}
    found = load_configuration({"url": "https://option", "ca": None}, file=None, environment=environment)
    assert (found.url, found.essais) == ("https://option", 3)
    assert load_configuration({}, file=None, environment=environment).url == "https://env"


def test_the_file_of_the_current_folder_serves_by_default(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.rename(toml.parent / "igc-client.toml")
    monkeypatch.chdir(toml.parent)
    assert load_configuration({}, file=None, environment={}).url == "https://toml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TOML + 'motdepasse = "x"\n', "motdepasse"),
        (TOML.replace("delai = 5", 'delai = "long"'), "delai doit être un nombre de secondes"),
        (TOML.replace("delai = 5", "delai = 0"), "delai doit être"),
        (TOML.replace("delai = 5", "delai = nan"), "delai doit être"),
        (TOML.replace("delai = 5", "essais = 0"), "essais doit être un nombre entier"),
        (TOML.replace("delai = 5", "url2 = 5\n"), "url2"),
        (TOML.replace('"https://toml"', "5"), "url doit être un texte"),
        ("url = [", "TOML lisible.*pas fermé"),
        ("url = https://toml\n", "ligne 1.*guillemets droits"),
        ("url = « https://toml »\n", "ligne 1"),
        (TOML.replace('"c.pem"', '"C:\\certs\\client.pem"'), "ligne 2.*entre apostrophes"),
        (TOML.replace("delai", "de\u200blai"), r"ligne 4.*U\+200B"),
        (TOML.replace("//toml", "//to\u200bml"), r"url contient un caractère invisible \(U\+200B"),
        ('url = "https://x"\n', "certificat, cle"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "client.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_configuration({}, file=path, environment={})


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="introuvable"):
        load_configuration({}, file=tmp_path / "absent.toml", environment={})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_editors_put_in_front_is_no_trouble(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "client.toml"
    path.write_bytes(TOML.replace("\n", "\r\n").encode(encoding))
    assert load_configuration({}, file=path, environment={}).url == "https://toml"


def test_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "client.toml"
    path.write_bytes("# réglages\n".encode("cp1252"))
    with pytest.raises(SettingsError, match=r"client\.toml : .*Windows-1252"):
        load_configuration({}, file=path, environment={})


@pytest.mark.parametrize(("kept", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_whichever_form_its_name_is_kept_in(
    tmp_path: Path, kept: Literal["NFC", "NFD"], written: Literal["NFC", "NFD"]
) -> None:
    kept_name = tmp_path / unicodedata.normalize(kept, "clé.pem")
    kept_name.write_bytes(b"")
    path = tmp_path / "client.toml"
    path.write_text(TOML.replace("c.pem", unicodedata.normalize(written, "clé.pem")), encoding="utf-8")
    assert load_configuration({}, file=path, environment={}).certificat == kept_name


def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "code"
    path.write_bytes("  Mot é-1 \r\nautre".encode())
    assert read_secret(path) == "  Mot é-1 "
    path.write_bytes(b"\n")
    for bad in (path, tmp_path / "absent"):
        with pytest.raises(SettingsError):
            read_secret(bad)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_mark_of_an_editor_is_no_part_of_a_secret(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "code"
    path.write_bytes(" Médecine-2026 \r\n".encode(encoding))
    assert read_secret(path) == " Médecine-2026 "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Médecine-2026".encode("cp1252"), "Windows-1252"),
        ("Mot\u200bDe-Passe".encode(), r"U\+200B"),
        ("\ufeff\ufeffMot".encode(), r"U\+FEFF"),
        (b"a\x00b", r"U\+0000"),
        (b"", "vide"),
        (b"\r\n", "vide"),
    ],
)
def test_a_secret_that_nobody_could_type_again_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "code"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words) as caught:
        read_secret(path)
    assert "Mot" not in str(caught.value).replace(str(path), "")


def test_in_whose_place_to_act_is_told_like_all_the_rest(toml: Path) -> None:
    assert load_configuration({}, file=toml, environment={}).pour is None
    toml.write_text(f'{TOML}pour = "899700990011"\n', encoding="utf-8")
    assert load_configuration({}, file=toml, environment={}).pour == "899700990011"
    environment = {"IGCCLIENT_POUR": "899700990029"}
    assert load_configuration({}, file=toml, environment=environment).pour == "899700990029"
    assert load_configuration({"pour": "30B0/1"}, file=toml, environment=environment).pour == "30B0/1"


@pytest.mark.parametrize(
    ("options", "environment", "line", "words"),
    [
        ({"pour": ""}, {}, "", "vide"),
        ({"pour": " "}, {}, "", "vide"),
        ({}, {"IGCCLIENT_POUR": ""}, "", "vide"),
        ({}, {}, 'pour = ""', "vide"),
        ({"pour": "899700990011"}, {"IGCCLIENT_POUR": ""}, "", "vide"),
        ({"pour": "8997\u200b00990011"}, {}, "", "invisible"),
        ({}, {}, "pour = 899700990011", "pour doit être un numéro national, entre guillemets"),
    ],
)
def test_nothing_is_done_in_ones_own_name_for_want_of_a_number(
    toml: Path, options: dict[str, str | None], environment: dict[str, str], line: str, words: str
) -> None:
    toml.write_text(f"{TOML}{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_configuration(options, file=toml, environment=environment)
