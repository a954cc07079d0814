"""All doors in one process, from settings and files alone."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from commands.composition import opened
from commands.processes.portal import doors, entrees_of, psc_of
from commands.trial.plateforme import CLIENTS_FOLDER, Ceremony, make_plateforme
from pki.certificates.holders import certifies_cards
from runtime.probes import tls_answers
from runtime.processes.bound import bound
from runtime.settings.check import check
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from tests.support.processes import wait_until
from tests.support.verbs import write_settings

ISSUER = "https://psc.example/realms/essai"


def _settings(folder: Path) -> tuple[Path, Settings]:
    with ExitStack() as probes:
        servers = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        ws, portal, publication, carte, connexion = [server.getsockname()[1] for server in servers]
    (folder / "psc.secret").write_text("un secret que le fournisseur a donné\n")
    (folder / "psc.secret").chmod(0o600)
    sections = {
        "ws": {"port": ws},
        "publication": {"port": publication},
        "portal": {"port": portal, "public_url": f"https://localhost:{portal}"},
        "portal.carte": {"port": carte, "public_url": f"https://localhost:{carte}"},
        "portal.connexion": {"port": connexion, "public_url": f"https://localhost:{connexion}"},
        "portal.psc": {"issuer": ISSUER, "client_id": "igc", "client_secret_file": "psc.secret"},
        "assistance": {"telephone": "01 99 00 99 00"},
    }
    config = write_settings(folder / "igc.toml", {"data_dir": ".", **sections})
    return config, Settings.load(config)


@pytest.mark.long
def test_the_verb_serves_every_door_of_the_settings_and_ends_in_order(tmp_path: Path) -> None:
    config, settings = _settings(tmp_path)
    make_plateforme(settings, Ceremony(key_bits=2048))
    assert check(settings) == ()
    with opened(settings) as here:
        listeners = list(doors(here))
        cards = [one.certificate_der for one in here.client_authorities.values() if certifies_cards(one)]
    assert [(one.port, one.for_cards, list(one.client_cas) == cards) for one in listeners] == [
        (settings.portal.port, False, False),
        (settings.portal.carte.port, True, True),
        (settings.portal.connexion.port, False, False),
    ]
    assert listeners[2].client_cas == []
    argv = bound([sys.executable, "-m", "commands", "portal", "--config", str(config)])
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    try:
        wait_until(
            lambda: process.poll() is not None or tls_answers("127.0.0.1", settings.portal.port), what="a listener"
        )
        context = ssl.create_default_context(cafile=str(tmp_path / CLIENTS_FOLDER / "ac-racine.pem"))
        with urllib.request.urlopen(entrees_of(settings).connexion or "", context=context, timeout=30) as answer:
            text = answer.read().decode()
        for door in (settings.portal.carte, settings.portal):
            assert f'href="{door.public_url}/"' in text
        assert f'href="{settings.portal.connexion.public_url}/psc/connexion?suite=/"' in text
        assert "01 99 00 99 00" in text
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(settings.portal.carte.public_url, context=context, timeout=30)
        with refused.value:
            assert "ERR_IHM_002" in refused.value.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_what_is_agreed_with_pro_sante_connect_comes_from_the_settings(tmp_path: Path) -> None:
    _, settings = _settings(tmp_path)
    psc = psc_of(settings)
    assert psc is not None
    assert (psc.issuer, psc.client_id, psc.acr) == (ISSUER, "igc", "eidas1")
    assert psc.discovery_url == f"{ISSUER}/.well-known/openid-configuration"
    assert psc.client_secret.read_text() == "un secret que le fournisseur a donné"
    assert "secret que" not in repr(settings)
    assert psc_of(Settings.from_mapping({}, base=tmp_path)) is None
    alone = Settings.from_mapping({}, base=tmp_path)
    assert entrees_of(alone).carte is None
    # The link of a mail: to the choice where there is one, which leads on to the page.
    assert settings.portal.entry_url == settings.portal.connexion.public_url
    assert alone.portal.entry_url == alone.portal.public_url


@pytest.mark.parametrize(
    ("portal", "told"),
    [
        ({"psc": {"issuer": ISSUER}}, "client_secret_file"),
        ({"psc": {"issuer": ISSUER, "client_id": "igc", "client_secret_file": "s"}}, "connexion.port"),
        ({"psc": {"issuer": "http://psc.example"}}, "https"),
        ({"psc": {"issuer": f"{ISSUER}?a=b"}}, "sans paramètre"),
        ({"psc": {"scopes": ["scope_all"]}}, "openid"),
        ({"psc": {"acr": "eidas0"}}, "eidas1"),
        ({"carte": {"port": 8444}}, "un port différent"),
        ({"certificat": False}, "une porte au moins"),
        ({"connexion": {"port": 9000, "public_url": "http://a.example"}}, "https"),
    ],
)
def test_settings_that_open_no_door_are_refused(tmp_path: Path, portal: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.from_mapping({"portal": portal}, base=tmp_path)


def test_the_first_door_may_stay_shut(tmp_path: Path) -> None:
    sections = {"certificat": False, "carte": {"port": 8444, "public_url": "https://carte.example"}}
    settings = Settings.from_mapping({"portal": sections}, base=tmp_path)
    assert settings.portal.ports == {"carte.port": 8444}
    assert settings.portal.any_port == 8444
    assert settings.portal.entry_url == "https://carte.example"
    assert entrees_of(settings).certificat is None


@pytest.mark.parametrize("port", [8443, 8480])
def test_a_door_on_the_port_of_another_service_is_refused(tmp_path: Path, port: int) -> None:
    settings = Settings.from_mapping({"portal": {"carte": {"port": port}}}, base=tmp_path)
    told = {problem.cle for problem in check(settings) if "écoute déjà" in problem.texte}
    assert told <= {"portal.carte.port", "publication.port"}
    assert told
