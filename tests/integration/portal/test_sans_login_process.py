"""The site without login as its own process, from settings and files alone."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from commands.trial.plateforme import Ceremony, make_plateforme
from runtime.probes import tls_answers
from runtime.processes.bound import bound
from runtime.settings.check import check
from runtime.settings.model import Settings
from tests.support.processes import wait_until
from tests.support.verbs import igc, write_settings


def _settings(folder: Path) -> tuple[Path, Settings]:
    with ExitStack() as probes:
        servers = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [server.getsockname()[1] for server in servers]
    sections = {name: {"port": port} for name, port in zip(("ws", "portal", "publication"), ports[:3], strict=True)}
    own = {"port": ports[3], "processes": 1, "public_url": f"https://localhost:{ports[3]}"}
    config = write_settings(folder / "igc.toml", {"data_dir": ".", **sections, "sans_login": own})
    return config, Settings.load(config)


@pytest.mark.long
def test_the_verb_serves_the_site_and_asks_nobody_for_a_certificate(tmp_path: Path) -> None:
    config, settings = _settings(tmp_path)
    make_plateforme(settings, Ceremony(key_bits=2048))
    assert check(settings) == ()
    argv = bound([sys.executable, "-m", "commands", "sans-login", "--config", str(config)])
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    try:
        port = settings.sans_login.port
        wait_until(lambda: process.poll() is not None or tls_answers("127.0.0.1", port), what="a listener")
        asked: list[bool] = []
        context = ssl.create_default_context(cafile=str(tmp_path / "clients" / "ac-racine.pem"))
        # A callback of a client that has a certificate would be called when one is asked for; here the server's
        # message itself is looked for (RFC 8446 §4.3.2: CertificateRequest, type 13).
        context._msg_callback = lambda *told: asked.append(getattr(told[4], "value", told[4]) == 13)  # type: ignore[attr-defined]  # for debugging, says Python
        with urllib.request.urlopen(f"https://localhost:{port}/revoquer", context=context, timeout=30) as answer:
            text = answer.read().decode()
        assert "Numéro de série du certificat" in text
        assert asked
        assert not any(asked)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ({"proxies": ["0.0.0.0/0"]}, "sans_login.proxies"),
        ({"proxies": ["mandataire.example"]}, "sans_login.proxies"),
        ({"tries_per_certificate": 1}, "sans_login.tries_per_certificate"),
        ({"checks_per_second": 0}, "sans_login.checks_per_second"),
    ],
)
def test_settings_that_would_open_the_door_are_refused(tmp_path: Path, own: dict[str, object], named: str) -> None:
    config = write_settings(tmp_path / "igc.toml", {"sans_login": {"processes": 1, **own}})
    refused = igc("check-config", "--config", config)
    assert refused.exit_code != 0
    assert named in f"{refused.output}{refused.exception}"


def test_a_site_that_is_served_needs_its_files_and_a_secret_of_its_own(tmp_path: Path) -> None:
    def problems(**own: object) -> set[str]:
        values = {"data_dir": "d", "sans_login": own}
        return {one.cle for one in check(Settings.from_mapping(values, base=tmp_path)) if "sans_login" in one.cle}

    assert problems() == set()
    served = problems(processes=1)
    assert served == {"sans_login.tls_key_file", "sans_login.tls_certificate_file", "sans_login.secret_file"}
    (tmp_path / "d" / "portail").mkdir(parents=True)
    secret = tmp_path / "d" / "portail" / "session.secret"
    secret.write_text("s" * 40)
    secret.chmod(0o600)
    assert "sans_login.secret_file" in problems(processes=1, secret_file=str(secret))
    assert "sans_login.port" in problems(processes=1, port=8444)


def test_with_accounts_the_site_has_one_of_its_own() -> None:
    names = {role: f"igc-{role}" for role in ("worker", "relay", "ws", "portal", "publication", "mailer")}
    from runtime.settings.errors import SettingsError

    for accounts in (names, names | {"sans_login": "igc-portal"}):
        with pytest.raises(SettingsError):
            Settings.from_mapping({"accounts": accounts, "sans_login": {"processes": 1}}, base=Path("/"))
    settings = Settings.from_mapping(
        {"accounts": names | {"sans_login": "igc-sans-login"}, "sans_login": {"processes": 1}}, base=Path("/")
    )
    assert settings.accounts.sans_login == "igc-sans-login"
