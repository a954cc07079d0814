"""``igc publication``: OCSP, CRLs and certificates of the authorities over plain HTTP, behind a proxy.

A composition of its own: of all secrets it opens the responders' pass phrase only, never a key of an authority.
"""

from __future__ import annotations

from datetime import timedelta

from commands.composition import open_database
from commands.listening import http_limits
from commands.options import ConfigOption
from pki.authority import load_authorities
from publication.answers import KeptAnswers
from publication.app import PublicationApp
from publication.files import PublishedFiles
from publication.issued import IssuedReader
from publication.keys import ResponderKeys
from publication.maker import AnswerMaker
from publication.preparer import AnswerPreparer
from publication.responder import OcspResponder
from publication.statuses import StatusReader
from runtime.http_server import HttpServer
from runtime.logs import configure
from runtime.settings import Settings
from storage.database import Database


def run(config: ConfigOption = None) -> None:
    """Lance la publication : OCSP, CRL et certificats des AC, en HTTP local."""
    settings = Settings.load(config)
    configure(settings.logging, process="publication")
    section = settings.publication
    app, preparer = build_publication(settings, open_database(settings))
    server = HttpServer(
        app,
        section.host,
        section.port,
        limits=http_limits(section.limits),
        reuse_port=section.processes > 1,
        shortcut=app.memory,
    )
    with preparer.in_thread():
        server.run()


def build_publication(settings: Settings, db: Database) -> tuple[PublicationApp, AnswerPreparer]:
    """The application of the settings on this database, and what works for it in the background."""
    section = settings.publication
    authorities = load_authorities(settings.pki.authorities_dir)
    keys = ResponderKeys(authorities, section.ocsp_keys_dir, section.ocsp_pass_phrase_file.read_text().encode(), db)
    maker = AnswerMaker(authorities, keys, validity=timedelta(minutes=section.ocsp_validity_minutes))
    kept = KeptAnswers(section.ocsp_ready_answers)
    app = PublicationApp(
        authorities,
        OcspResponder(maker, StatusReader(db), kept),
        PublishedFiles(authorities, settings.pki.authorities_dir, settings.pki.publication_dir),
        cache_seconds=section.cache_seconds,
    )
    return app, AnswerPreparer(maker, IssuedReader(db), StatusReader(db), kept)
