"""Pages of the portal among a million demandes on PostgreSQL, asked over HTTP by who administers 300 structures.

TLS and the check of a certificate are left out: they cost the same whatever stands in the tables, and are measured
with the follow-up of the web service.
"""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from bench.measures.search_rows import ADMINISTRATOR, NOW
from bench.measures.searches import percentile
from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from portal_ihm.app import build_app
from registration.acteurs.identity import PeerChecker
from registration.authority import RegistrationAuthority
from registration.values import Caller, Identite, Texte, Textes
from registration.views import ProduitCriteria, SearchCriteria
from registration.vocabulary import EtatProduit, NatureTexte
from runtime.listening.protocol import PEER_CERTIFICATE
from runtime.listening.server import HttpServer, Limits
from storage.database import Database

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_SECRET = bytes(32)
_HTTP_OK = 200
_FAR = 100


class _Known:
    """Whoever asks is the administrator of the rows, and presents what he always presents."""

    def identify(self, _certificate: bytes | None, _now: datetime, **_named: object) -> Caller:
        return Caller(acteur=ADMINISTRATOR, identite=Identite(emetteur="0" * 64, serie="1"))


def _texte(nature: NatureTexte) -> Texte:
    return Texte(nature=nature, version="1", empreinte="0" * 64, adresse="https://textes.example/1")


def _authority(db: Database) -> RegistrationAuthority:
    return RegistrationAuthority(
        db,
        plateforme=ADMINISTRATOR.plateforme,
        peers=cast("PeerChecker", _Known()),
        chains={},
        textes=Textes(cgu=_texte(NatureTexte.CGU), pc=_texte(NatureTexte.PC)),
        clock=lambda: NOW,
    )


class _Browser:
    """Keeps one connection and one cookie, as a browser does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""

    def get(self, path: str) -> int:
        """The status; the page is read to its end."""
        self._connection.request("GET", path, headers={"Cookie": self._cookie} if self._cookie else {})
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = (answer.getheader("Set-Cookie") or self._cookie).split(";")[0]
        return answer.status

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _served(authority: RegistrationAuthority) -> Iterator[_Browser]:
    apps: list[Any] = []

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        # As the TLS front does with what it checked.
        scope["state"] = scope.get("state", {}) | {PEER_CERTIFICATE: b"certificat"}
        await apps[0](scope, receive, send)

    server = HttpServer(front, "127.0.0.1", 0, limits=Limits(graceful_stop=1))
    public = f"https://localhost:{server.port}"
    apps.append(build_app(authority, session_secret=_SECRET, public_url=public, clock=lambda: NOW))
    with server.in_thread() as port, closing(_Browser(port)) as browser:
        yield browser


def pages(authority: RegistrationAuthority) -> dict[str, str]:
    """What is asked for, by its name."""
    every = SearchCriteria(all_offres=True)
    active = ProduitCriteria(all_offres=True, etat=EtatProduit.ACTIF)
    found = authority.demandes.search(ADMINISTRATOR, every, limit=_FAR).demandes
    produit = authority.produits.search(ADMINISTRATOR, active, limit=1).produits[0].numero
    return {
        "accueil": "/",
        "droits": "/droits",
        "suivi": "/suivi",
        "demandes": "/suivi/demandes?offre=TOUTES&taille=100",
        "demandes, page 6": f"/suivi/demandes?offre=TOUTES&apres={','.join(str(v.numero) for v in found[19::20])}",
        "demandes d'un service": "/suivi/demandes?offre=ORG&service_applicatif=service+42",
        "détail": f"/suivi/demandes/{found[0].numero}",
        "historique": f"/suivi/demandes/{found[0].numero}/historique",
        "détail d'un produit": f"/suivi/demandes/{produit}",
        "demander": "/demander",
        "renouveler": "/renouveler",
        "retirer": "/retirer",
        "révoquer": "/revoquer",
        "lots": "/lots",
    }


def measure_portal_pages(db: Database, book: Book, *, times: int = 5) -> None:
    """Enter portal_p95_ms, over all pages, and the median of each; RuntimeError for a page that is refused."""
    many = Database(db.engine.url.render_as_string(hide_password=False))  # a page may be made by several threads
    try:
        _measure(_authority(many), book, times)
    finally:
        many.dispose()


def _measure(authority: RegistrationAuthority, book: Book, times: int) -> None:
    asked = pages(authority)
    taken: dict[str, list[float]] = {name: [] for name in asked}
    with _served(authority) as browser:
        for path in asked.values():  # once before the clock runs: templates are read, plans are made
            browser.get(path)
        meter = Meter()
        for _ in range(times):
            for name, path in asked.items():
                begun = time.perf_counter()
                status = browser.get(path)
                taken[name].append(1000 * (time.perf_counter() - begun))
                if status != _HTTP_OK:
                    raise RuntimeError(f"{name} ({path}): {status}")
        strangers = meter.read().strangers_share
    turns = zip(*taken.values(), strict=True)
    book.add("portal_p95_ms", [Sample(percentile(turn), strangers) for turn in turns], 1)
    book.note("portal_ms", {name: round(statistics.median(each), 1) for name, each in taken.items()})
