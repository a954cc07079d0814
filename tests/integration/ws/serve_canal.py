"""A process that serves the canal over a database: what ``igc ws`` composes, from arguments instead of settings."""

from __future__ import annotations

import sys
from pathlib import Path

from pki.authority import load_authorities
from registration.acteurs.identity import PeerChecker
from registration.authority import RegistrationAuthority
from registration.vocabulary import Plateforme
from runtime.listening.server import HttpServer, server_ssl_context
from storage.database import Database
from tests.support.textes import TEXTES
from ws.app import build_app


def main(database_url: str, authorities_folder: str, certificate: str, key: str) -> None:
    """Print the port, then serve until SIGTERM."""
    db = Database(database_url)
    authorities = load_authorities(Path(authorities_folder))
    authority = RegistrationAuthority(
        db,
        plateforme=Plateforme.TEST,
        peers=PeerChecker(db, authorities, Plateforme.TEST),
        chains={name: each.chain for name, each in authorities.items()},
        textes=TEXTES,
    )
    context = server_ssl_context(Path(certificate), Path(key), [each.certificate_der for each in authorities.values()])
    server = HttpServer(build_app(authority, public_url="https://localhost:1"), "127.0.0.1", 0, ssl_context=context)
    print(server.port, flush=True)
    server.run()
    print("stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
