"""``igc publication``: OCSP, CRLs and certificates of the authorities over plain HTTP, behind a proxy.

A composition of its own: of all secrets it opens the responders' pass phrase only, never a key of an authority.
"""

from __future__ import annotations

from datetime import timedelta

from commands.composition import Instance, started
from commands.options import ConfigOption
from commands.processes.listening import http_limits
from commands.processes.measuring import begin_counting, counted_answers
from commands.processes.readiness import PUBLICATION, readiness
from publication.answers import KeptAnswers
from publication.app import PublicationApp
from publication.files import PublishedFiles
from publication.issued import IssuedReader
from publication.keys import ResponderKeys
from publication.maker import AnswerMaker
from publication.preparer import AnswerPreparer, Courtesy
from publication.responder import OcspResponder
from publication.statuses import StatusReader
from publication.textes import PublishedTextes
from registration.life.outbox import is_anything_owed
from runtime.listening.health import Health
from runtime.listening.server import HttpServer
from storage.waits import CANAL


def run(config: ConfigOption = None) -> None:
    """Lance la publication : OCSP, CRL et certificats des AC, en HTTP local."""
    with started(config, "publication", waits=CANAL) as here:
        section = here.settings.publication
        begin_counting(here.settings)
        here.db.refuse_unfit()
        app, preparer = build_publication(here)
        server = HttpServer(
            Health(counted_answers(app), readiness(here, PUBLICATION)),
            section.host,
            section.port,
            limits=http_limits(section.limits),
            reuse_port=section.processes > 1,
            shortcut=app.memory,
        )
        with preparer.in_thread():
            server.run()


def build_publication(here: Instance) -> tuple[PublicationApp, AnswerPreparer]:
    """The application of the instance, and what works for it in the background."""
    section, authorities, db = here.settings.publication, here.authorities, here.db
    keys = ResponderKeys(authorities, section.ocsp_keys_dir, section.ocsp_pass_phrase_file.read_text().encode(), db)
    maker = AnswerMaker(
        authorities,
        keys,
        validity=timedelta(minutes=section.ocsp_validity_minutes),
        backdate=timedelta(minutes=here.settings.pki.backdate_minutes),
    )
    kept = KeptAnswers(section.ocsp_ready_answers)
    app = PublicationApp(
        authorities,
        OcspResponder(maker, StatusReader(db), kept),
        PublishedFiles(authorities, here.settings.pki.authorities_dir, here.settings.pki.publication_dir),
        PublishedTextes(db, here.plateforme.value),
        cache_seconds=section.cache_seconds,
    )

    def is_batch_busy() -> bool:
        with db.read() as session:
            return is_anything_owed(session)

    preparer = AnswerPreparer(maker, IssuedReader(db), StatusReader(db), kept, Courtesy(is_batch_busy))
    return app, preparer
