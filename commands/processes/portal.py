"""``igc portal``: the web canal's process, with a listener for each door of the portal."""

from __future__ import annotations

from collections.abc import Iterator

from commands.composition import Instance, started
from commands.options import ConfigOption
from commands.processes.listening import Listener, serve_all
from commands.processes.measuring import begin_counting, counted_pages
from commands.processes.readiness import CANALS, readiness
from pki.certificates.holders import certifies_cards
from portal_ihm.app import build_app
from portal_ihm.login.psc.config import PscConfig
from portal_ihm.shell.doors import Assistance, Entrees
from registration.retraits.textes import publish_textes
from registration.sessions.values import Porte
from runtime.clock import system_clock
from runtime.listening.health import Health
from runtime.settings.model import Settings
from storage.waits import CANAL
from ws.app import lot_file_reader


def run(config: ConfigOption = None) -> None:
    """Lance le portail."""
    with started(config, "portail", "portail", waits=CANAL) as here:
        begin_counting(here.settings)
        here.db.refuse_unfit()
        publish_textes(here.db, here.plateforme, here.textes, system_clock())
        serve_all(here.settings.portal, tuple(doors(here)))


def doors(here: Instance) -> Iterator[Listener]:
    """The whole portal behind each door that the settings open, that of software certificates first."""
    section = here.settings.portal
    entrees, psc = entrees_of(here.settings), psc_of(here.settings)
    contact = here.settings.assistance
    asked: dict[Porte, tuple[int | None, str | None, list[bytes]]] = {
        Porte.CERTIFICAT: (section.ports.get("port"), entrees.certificat, here.trust_anchors),
        Porte.CARTE: (section.carte.port, entrees.carte, card_anchors(here)),
        Porte.CONNEXION: (section.connexion.port, entrees.connexion, []),
    }
    for porte, (port, address, client_cas) in asked.items():
        if port is None or address is None:
            continue
        app = build_app(
            here.registration_authority,
            session_secret=section.session_secret_file.read_text().encode(),
            public_url=address,
            porte=porte,
            entrees=entrees,
            assistance=Assistance(adresse=contact.adresse, email=contact.email, telephone=contact.telephone),
            psc=psc,
            session_seconds=section.session_seconds,
            session_max_seconds=section.session_max_seconds,
            max_body=section.limits.max_body_bytes,
            exploitation=here.exploitation,
            read_lot=lot_file_reader(here.settings.ws.max_items),
            max_lot=here.settings.ws.limits.max_body_bytes,
        )
        probed = Health(counted_pages(app, "portail"), readiness(here, CANALS))
        yield Listener(probed, port, client_cas, for_cards=porte is Porte.CARTE)


def card_anchors(here: Instance) -> list[bytes]:
    """The authorities that issue cards and nothing else, of both plateformes: whose card it is, is told on a page."""
    return [one.certificate_der for one in here.client_authorities.values() if certifies_cards(one)]


def entrees_of(settings: Settings) -> Entrees:
    """Where the doors that are served are, and the site without login."""
    section = settings.portal
    return Entrees(
        certificat=section.public_url if section.certificat else None,
        carte=section.carte.public_url if section.carte.port else None,
        connexion=section.connexion.public_url if section.connexion.port else None,
        sans_login=settings.sans_login.public_url if settings.sans_login.processes else None,
        has_psc=section.psc.issuer is not None,
    )


def psc_of(settings: Settings) -> PscConfig | None:
    """What is agreed with Pro Santé Connect; None where it opens nothing."""
    section = settings.portal.psc
    if section.issuer is None or section.client_secret_file is None:
        return None
    return PscConfig(
        issuer=section.issuer,
        client_id=section.client_id,
        client_secret=section.client_secret_file,
        scopes=section.scopes,
        acr=section.acr,
        discovery=section.discovery_url,
        ca_file=section.ca_file,
        skew=section.skew_seconds,
        timeout=section.timeout_seconds,
    )
