"""The status services over a database, as ``igc publication`` puts them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from batch.context import DelegateFiles
from pki.authority import Authority
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
from runtime.clock import Clock, system_clock
from runtime.listening.server import HttpServer
from storage.database import Database


@dataclass(frozen=True)
class Publication:
    """Its application, and what works for it in the background; nobody listens yet."""

    app: PublicationApp
    preparer: AnswerPreparer

    @contextmanager
    def listening(self) -> Iterator[int]:
        """The port of loopback where it answers."""
        with HttpServer(self.app, "127.0.0.1", 0, shortcut=self.app.memory).in_thread() as port:
            yield port


@contextmanager
def open_publication(
    db: Database,
    authorities: Mapping[str, Authority],
    *,
    authorities_dir: Path,
    publication_dir: Path,
    responders: DelegateFiles,
    clock: Clock = system_clock,
) -> Iterator[Publication]:
    """Answers are good for an hour, files for five minutes."""
    keys = ResponderKeys(authorities, responders.folder, responders.passphrase, db)
    maker = AnswerMaker(authorities, keys, validity=timedelta(hours=1), backdate=timedelta(minutes=5), clock=clock)
    kept = KeptAnswers(1000)
    with closing(StatusReader(db)) as statuses, closing(StatusReader(db)) as background:
        app = PublicationApp(
            authorities,
            OcspResponder(maker, statuses, kept),
            PublishedFiles(authorities, authorities_dir, publication_dir),
            PublishedTextes(db, "TEST"),
            cache_seconds=300,
            clock=clock,
        )
        yield Publication(app, AnswerPreparer(maker, IssuedReader(db), background, kept, Courtesy(lambda: False)))
