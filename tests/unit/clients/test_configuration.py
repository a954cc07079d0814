"""Where igc-client finds the service: options over variables over the TOML file, and every mistake in French."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.configuration import load_configuration, read_secret
from clients.errors import SettingsError

TOML = 'url = "https://toml"\ncertificat = "c.pem"\ncle = "/abs/k.pem"\ndelai = 5\n'


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "conf" / "client.toml"
    path.parent.mkdir()
    path.write_text(TOML, encoding="utf-8")
    return path


def test_paths_of_the_file_are_relative_to_it(toml):
    found = load_configuration({}, file=toml, environment={})
    assert found.certificat == toml.parent / "c.pem"
    assert found.cle == Path("/abs/k.pem")
    assert found.delai == 5.0
    assert (found.ca, found.essais) == (None, 7)


def test_options_win_over_variables_which_win_over_the_file(toml):
    environment = {"IGCCLIENT_URL": "https://env", "IGCCLIENT_ESSAIS": "3", "IGCCLIENT_CONFIG": str(toml)}
    found = load_configuration({"url": "https://option", "ca": None}, file=None, environment=environment)
    assert (found.url, found.essais) == ("https://option", 3)
    assert load_configuration({}, file=None, environment=environment).url == "https://env"


def test_the_file_of_the_current_folder_serves_by_default(toml, monkeypatch):
    toml.rename(toml.parent / "igc-client.toml")
    monkeypatch.chdir(toml.parent)
    assert load_configuration({}, file=None, environment={}).url == "https://toml"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TOML + 'motdepasse = "x"\n', "motdepasse"),
        (TOML.replace("delai = 5", 'delai = "long"'), "delai"),
        ("url = [", "TOML"),
        ('url = "https://x"\n', "certificat, cle"),
    ],
)
def test_mistakes_are_named(tmp_path, content, words):
    path = tmp_path / "client.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_configuration({}, file=path, environment={})


def test_a_file_asked_for_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="introuvable"):
        load_configuration({}, file=tmp_path / "absent.toml", environment={})


def test_a_secret_is_the_first_line_of_its_file(tmp_path):
    path = tmp_path / "code"
    path.write_bytes("  Mot é-1 \r\nautre".encode())
    assert read_secret(path) == "  Mot é-1 "
    path.write_bytes(b"\n")
    for bad in (path, tmp_path / "absent"):
        with pytest.raises(SettingsError):
            read_secret(bad)
