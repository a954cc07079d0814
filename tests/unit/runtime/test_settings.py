"""One model, unknown keys refused wherever they stand, secrets by file, relative paths from one place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from runtime.secret_file import SecretFile
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings


def _write(folder: Path, text: str) -> Path:
    path = folder / "igc.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _keys(error: SettingsError) -> list[str]:
    return [problem.cle for problem in error.problems]


def test_without_a_file_everything_is_in_var_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert settings.plateforme == "TEST"
    assert settings.data_dir == tmp_path / "var"
    assert settings.database_dsn() == f"sqlite:///{tmp_path}/var/igc.db"
    assert settings.queue_is_embedded
    assert settings.queue_dsn() == f"unix://{tmp_path}/var/queue/valkey.sock"
    assert settings.pki.keys_dir == tmp_path / "var/pki/cles"
    assert settings.ws.tls_key_file == SecretFile(tmp_path / "var/tls/ws.key")


def test_given_paths_start_at_the_file_and_default_ones_at_data_dir(tmp_path: Path) -> None:
    path = _write(tmp_path, 'data_dir = "donnees"\ndatabase_url = "sqlite:///b.db"\n[ws]\ntls_key_file = "ws.key"\n')
    settings = Settings.load(path)
    assert settings.data_dir == tmp_path / "donnees"
    assert settings.ws.tls_key_file.path == tmp_path / "ws.key"
    assert settings.ws.tls_certificate_file == tmp_path / "donnees/tls/ws.pem"
    assert settings.database_dsn() == f"sqlite:///{tmp_path}/b.db"


@pytest.mark.parametrize("written", ["\ufeff{}", "{}", "\ufeff{}\r\n"])
def test_a_byte_order_mark_and_line_ends_of_windows_are_no_fault(tmp_path: Path, written: str) -> None:
    path = tmp_path / "igc.toml"
    path.write_bytes(written.format("# réglages\r\n[ws]\r\nport = 9443").encode())
    assert Settings.load(path).ws.port == 9443


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[ws]\nport = 9443\n".encode("utf-16"), "UTF-16"),
        ("[ws]\nport = 9443\n".encode("utf-32"), "UTF-16 ou UTF-32"),
        ("# réglages\n".encode("cp1252"), "ligne 1 : ce n'est pas du texte UTF-8"),
        ("[ws]\nhost = '127.0.0.1\u200b'\n".encode(), "ligne 2 : caractère invisible (U+200B)"),
        ("[ws]\n\ufeffport = 9443\n".encode(), "ligne 2 : caractère invisible (U+FEFF)"),
        ("# \u202e txet\n".encode(), "ligne 1 : caractère invisible (U+202E)"),
    ],
)
def test_what_nobody_sees_in_a_file_is_named_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "igc.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.load(path)
    assert told in str(caught.value)


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    settings = Settings.load(_write(tmp_path, '[pki]\nkeys_dir = "/srv/cles"\n'))
    assert settings.pki.keys_dir == Path("/srv/cles")


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGC_CONFIG", str(_write(tmp_path, "[ws]\nport = 9443\n")))
    assert Settings.load().ws.port == 9443


def test_a_variable_wins_over_the_file_and_leaves_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGC_WS__LIMITS__MAX_BODY_BYTES", "2048")
    settings = Settings.load(_write(tmp_path, "[ws]\nport = 9443\n[ws.limits]\nmax_connections = 7\n"))
    assert (settings.ws.port, settings.ws.limits.max_body_bytes, settings.ws.limits.max_connections) == (9443, 2048, 7)


def test_one_limit_of_the_portal_leaves_its_own_other_defaults(tmp_path: Path) -> None:
    settings = Settings.load(_write(tmp_path, "[portal.limits]\nmax_connections = 7\n"))
    assert settings.portal.limits.max_body_bytes == 256 * 1024


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("dataa_dir = 'x'\n", "dataa_dir"),
        ("[ws]\nprot = 1\n", "ws.prot"),
        ("[ws.limits]\nmax = 1\n", "ws.limits.max"),
        ("[signatures]\na = 1\n", "signatures"),
        ("[ws]\nport = 0\n", "ws.port"),
        ("[ws]\nport = 'abc'\n", "ws.port"),
        ("[ws]\nmax_items = 10001\n", "ws.max_items"),
        ("[registration]\nps_upn_domains = ['fr']\n", "registration.ps_upn_domains.0"),
        ("[registration]\nps_upn_domains = ['*']\n", "registration.ps_upn_domains.0"),
        ("[registration]\nps_upn_domains = ['*@cabinet.example']\n", "registration.ps_upn_domains.0"),
        ("[registration]\nps_upn_domains = ['cabinet.example', 'hôpital.example']\n", "registration.ps_upn_domains.1"),
        ("[ws]\npublic_url = 'http://ws.igc.example'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://u:p@ws.igc.example'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://0.0.0.0:8443'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://[::]:8443'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://ws.igc.example/lots'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://ws.igc.example?'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://ws.igc.example:99999'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://ws.igc.example:0'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://[::1'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://hôpital.example'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://a b'\n", "ws.public_url"),
        ("[ws]\npublic_url = 'https://300.1.1.1'\n", "ws.public_url"),
        ("[portal]\npublic_url = 'https://-a.example'\n", "portal.public_url"),
        ("[portal]\npublic_url = 'ws.igc.example'\n", "portal.public_url"),
        ("[ws]\ntls_key_file = ''\n", "ws.tls_key_file"),
        ("[ws]\ntls_certificate_file = 4\n", "ws.tls_certificate_file"),
        ("ws = 3\n", "ws"),
        ("plateforme = 'RECETTE'\n", "plateforme"),
        ("[pki]\nkeys_dir = 3\n", "pki.keys_dir"),
        ("[pki]\ncrl_validity_hours = 2\ncrl_refresh_minutes = 61\n", "pki"),
        ("[logging]\nlevel = 'LOUD'\n", "logging.level"),
        ("[batch]\nchunk_size = 1.5\n", "batch.chunk_size"),
        ("database_url = 'mysql://h/b'\n", "database_url"),
        ("database_url = 'sqlite://'\n", "database_url"),
        ("database_url = 'n importe quoi'\n", "database_url"),
        ("database_url = 'postgresql://igc:motdepasse@h/b'\n", "database_url"),
        ("database_url = 'postgresql://igc@h/b?password=motdepasse'\n", "database_url"),
        ("queue_url = 'http://h'\n", "queue_url"),
        ("queue_url = 'redis://:motdepasse@h/0'\n", "queue_url"),
        ("queue_url = 'redis://h/0?password=motdepasse'\n", "queue_url"),
    ],
)
def test_each_wrong_key_is_named_and_no_value_is_repeated(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(_write(tmp_path, text))
    assert _keys(caught.value) == [key]
    assert caught.value.problems[0].texte != "valeur refusée"
    assert "motdepasse" not in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGC_INCONNU", "1")
    monkeypatch.setenv("IGC_PORTAL__INCONNU", "1")
    with pytest.raises(SettingsError) as caught:
        Settings.load(_write(tmp_path, "[ws]\nport = 0\nbidule = 1\n"))
    assert sorted(_keys(caught.value)) == ["IGC_INCONNU", "portal.inconnu", "ws.bidule", "ws.port"]
    assert "ws.bidule : réglage inconnu" in str(caught.value)
    assert "ws.port : la valeur minimale est 1" in str(caught.value)


@pytest.mark.parametrize("content", [b"[ws\n", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "igc.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"fichier de configuration .*igc\.toml"):
        Settings.load(path)


def test_passwords_come_from_their_files_into_the_dsn_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("a/b@c\n")
    settings = Settings.from_mapping(
        {
            "database_url": "postgresql://igc@bd.igc.example/igc",
            "database_password_file": "secret",
            "queue_url": "rediss://file.igc.example:6380/1",
            "queue_password_file": "secret",
        },
        base=tmp_path,
    )
    assert settings.database_dsn() == "postgresql+psycopg://igc:a%2Fb%40c@bd.igc.example/igc"
    assert settings.queue_dsn() == "rediss://:a%2Fb%40c@file.igc.example:6380/1"
    assert not settings.queue_is_embedded
    assert "a/b@c" not in repr(settings)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = Settings.from_mapping({}, base=tmp_path)
    with pytest.raises(ValidationError):
        settings.plateforme = "PRODUCTION"


def test_workers_default_to_one_per_core(tmp_path: Path) -> None:
    assert Settings.from_mapping({}, base=tmp_path).batch.worker_count() >= 1
    assert Settings.from_mapping({"batch": {"workers": 7}}, base=tmp_path).batch.worker_count() == 7


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://lots.igc.example", "https://lots.igc.example"),
        ("https://Lots.IGC.example/", "https://lots.igc.example"),
        ("https://lots.igc.example:443", "https://lots.igc.example:443"),
        ("https://10.1.2.3:8443/", "https://10.1.2.3:8443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://xn--hpital-pya.example", "https://xn--hpital-pya.example"),
    ],
)
def test_public_addresses_in_one_form(tmp_path: Path, written: str, kept: str) -> None:
    assert Settings.load(_write(tmp_path, f"[ws]\npublic_url = '{written}'\n")).ws.public_url == kept


def test_secrets_are_named_by_variables_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("IGC_DATABASE_PASSWORD_FILE", "bd.secret"),
        ("IGC_PORTAL__SESSION_SECRET_FILE", "/run/igc/session"),
        ("IGC_PKI__PASS_PHRASE_FILE", "/run/igc/phrase"),
        ("IGC_PKI__SIGNERS__PIN_FILE", "/run/igc/pin"),
    ):
        monkeypatch.setenv(name, value)
    settings = Settings.load(_write(tmp_path, "[portal]\nport = 9999\n"))
    assert str(settings.database_password_file) == str(tmp_path / "bd.secret")
    assert str(settings.portal.session_secret_file) == "/run/igc/session"
    assert settings.portal.port == 9999
    assert str(settings.pki.pass_phrase_file) == "/run/igc/phrase"
    assert str(settings.pki.signers.pin_file) == "/run/igc/pin"


def test_a_variable_that_should_be_json_and_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGC_PKI__WEAK_KEY_FILES", "motdepasse")
    with pytest.raises(SettingsError) as caught:
        Settings.load(_write(tmp_path, ""))
    assert "JSON attendu" in str(caught.value)
    assert "motdepasse" not in str(caught.value)
