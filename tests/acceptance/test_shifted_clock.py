"""A plateforme of TEST played at T + 10 days: real processes on a clock of their own, lists and answers read by openssl."""

from __future__ import annotations

import hashlib
import socket
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from clients.contract.values import DemandeSuivie
from clients.service.lots import ServiceLots
from commands.demo.items import build_lot
from commands.demo.plateforme import prepare, running
from commands.demo.play import SENDER
from commands.trial.plateforme import Ceremony
from pki.authority import Authority, load_authorities
from registration.vocabulary import Offre, Usage, product_code
from runtime.settings.model import Settings
from tests.support.processes import wait_until

pytestmark = [pytest.mark.needs("openssl"), pytest.mark.timeout(400)]

_DAY = 86_400
_PATIENCE = 120.0


def _service(settings: Settings) -> ServiceLots:
    clients = settings.data_dir / "clients"
    pair = (clients / f"{SENDER}.pem", clients / f"{SENDER}.key")
    return ServiceLots(f"{settings.ws.public_url}/ws/lots/1.0", certificate=pair, ca=clients / "ac-racine.pem")


def _issuer_of(settings: Settings, demande: DemandeSuivie) -> Authority:
    product = product_code(Offre(str(demande.offre)), Usage(str(demande.usage)))
    (found,) = (one for one in load_authorities(settings.pki.authorities_dir).values() if product in one.products)
    return found


def _ahead(config: Path, seconds: int) -> None:
    config.write_text(f"clock_shift_seconds = {seconds}\n{config.read_text()}")


def _publishes(settings: Settings) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((settings.publication.host, settings.publication.port)) == 0


def _fetch(settings: Settings, url: str, target: Path) -> Path:
    """What relying parties get at an address that stands in the certificates."""
    address = f"http://127.0.0.1:{settings.publication.port}{urlsplit(url).path}"
    with urlopen(address, timeout=30) as answer:
        target.write_bytes(answer.read())
    return target


def _openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _is_on_crl(settings: Settings, authority: Authority, serial: str, folder: Path) -> bool:
    crl = _fetch(settings, authority.url(authority.settings.crl_url), folder / "crl.der")
    return serial in _openssl("crl", "-inform", "DER", "-in", crl, "-noout", "-text").upper()


def _ocsp(settings: Settings, authority: Authority, serial: str, folder: Path) -> str:
    issuer = settings.pki.authorities_dir / f"{authority.short_name}.cer"
    (folder / "issuer.pem").write_text(_openssl("x509", "-inform", "DER", "-in", issuer))
    url = (
        f"http://127.0.0.1:{settings.publication.port}{urlsplit(authority.url(authority.settings.ocsp_url or '')).path}"
    )
    # Its answers are of the plateforme's time, openssl's clock is the machine's.
    return _openssl(
        *("ocsp", "-issuer", folder / "issuer.pem", "-serial", f"0x{serial}", "-url", url),
        *("-noverify", "-no_nonce", "-validity_period", 20 * _DAY),
    )


def test_what_nobody_withdraws_in_ten_days_ends_with_its_list_and_its_answer(tmp_path: Path) -> None:
    folder = tmp_path / "plateforme"
    settings, config = prepare(folder, lambda _text: None, Ceremony(key_bits=2048))
    with running(settings, config, folder / "journal.log"), _service(settings) as service:
        index = service.deposer_lot(build_lot("attente", 2, tmp_path / "cles", lambda _done: None).lot).index_lot
        wait_until(lambda: service.suivre_lot(index_lot=index).finished, seconds=_PATIENCE, what="the signatures")
        first, second = service.iter_demandes(index)
        assert (first.etat, first.date_limite_retrait) == ("TRANSMISE", first.modifie_le + timedelta(days=10))
        wait_until(lambda: _publishes(settings), seconds=_PATIENCE, what="the publication")
        for texte in (service.consulter_service().cgu, service.consulter_service().pc):
            read = _fetch(settings, texte.adresse, tmp_path / "texte").read_bytes()
            assert hashlib.sha256(read).hexdigest() == texte.empreinte
        authority = _issuer_of(settings, first)
        serial = str(first.numero_serie).upper()
        assert not _is_on_crl(settings, authority, serial, tmp_path)
        assert "good" in _ocsp(settings, authority, serial, tmp_path)

    _ahead(config, 10 * _DAY)
    with running(settings, config, folder / "journal.log"), _service(settings) as service:
        assert service.consulter_service().heure > first.modifie_le + timedelta(days=10)
        wait_until(
            lambda: {one.etat for one in service.iter_demandes(index)} == {"ANNULEE"},
            seconds=_PATIENCE,
            what="the limit",
        )
        ended = service.consulter_demande(second.numero_demande)
        assert ended.demande.erreur is not None
        assert ended.demande.erreur.code == "ERR_IHM_013"
        assert [line.code_action for line in ended.ligne_historique[-2:]] == ["ACT_IGC_008", "ACT_IGC_006"]
        assert {line.acteur for line in ended.ligne_historique[-2:]} == {None}
        wait_until(lambda: _publishes(settings), seconds=_PATIENCE, what="the publication")
        wait_until(lambda: _is_on_crl(settings, authority, serial, tmp_path), seconds=_PATIENCE, what="the CRL")
        wait_until(
            lambda: "revoked" in _ocsp(settings, authority, serial, tmp_path), seconds=_PATIENCE, what="the OCSP answer"
        )
