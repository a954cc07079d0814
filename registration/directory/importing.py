"""A whole extract into the directory: read and sort it aside, compare, write what differs; nothing twice, nothing lost.

1. The file is read to its end and sorted outside of the database: one that is cut or is not what it should be has
   written nothing.
2. Who is in the directory by the word of this source and not in the file has gone. Too many of them, and the import is
   refused: half a file must not make half of the profession vanish.
3. What differs is written in transactions of some thousand rows, each in its turn; structures, then persons with where
   they work, then who has gone. The row of the import says TERMINE when all of it is there, and not before: what was
   interrupted is compared again, and goes on from where it was.
"""

from __future__ import annotations

from registration.directory.conduct import Conduct, Summary
from registration.directory.departures import Departures, unattached
from registration.directory.entries import Extract, RattachementEntry, Reject
from registration.directory.imports import Import, begin, is_in_place, refuse_two
from registration.directory.staging import Staging
from registration.directory.storing import Batch, Comparing, Effect, detach, set_gone
from registration.vocabulary import EtatImport, Plateforme
from storage import tables
from storage.database import Database

# Long enough for the database to be quick, short enough for those who wait for their turn (some tenths of a second).
_ROWS_OF_A_TRANSACTION = 4_000
_COMPARED = 900
_LINES_A_SIGN = 20_000
_STRUCTURE, _PERSONNE, _RATTACHEMENT = (
    model.__tablename__ for model in (tables.Structure, tables.Personne, tables.Rattachement)
)


def import_extract(db: Database, plateforme: Plateforme, extract: Extract, conduct: Conduct) -> Summary:
    """Have the directory of a plateforme say what the extract says; the same extract again changes nothing.

    ExtractError for a file that is not whole; ImportRefusedError when too many would vanish, while another import is
    under way, or when ``conduct.stop`` asks for the end. Told to the audit trail at its end, whatever that is.
    """
    refuse_two(db, plateforme, conduct.clock)
    digest = extract.digest()
    if is_in_place(db, plateforme, extract, digest):
        return Summary(is_unchanged=True)
    staging = Staging()
    try:
        return _Run(db, plateforme, extract, conduct, staging).run(digest)
    finally:
        staging.close()


class _Run:
    def __init__(
        self, db: Database, plateforme: Plateforme, extract: Extract, conduct: Conduct, staging: Staging
    ) -> None:
        self._db, self._plateforme, self._extract = db, plateforme, extract
        self._conduct, self._staging = conduct, staging
        self._comparing = Comparing(plateforme, extract.source)
        self._summary = Summary()
        self._batch = Batch()

    def run(self, digest: bytes) -> Summary:
        self._read()
        if self._extract.is_whole:
            Departures(self._db, self._plateforme, self._extract, self._staging, self._conduct).look()
        under_way = begin(self._db, self._plateforme, self._extract, digest, self._conduct.clock)
        etat = EtatImport.ABANDONNE
        try:
            self._enter(under_way)
            self._let_go(under_way)
            etat = EtatImport.TERMINE
        finally:
            under_way.end(etat, self._summary.totals(), self._summary.lignes, self._summary.rejets)
        return self._summary

    def _read(self) -> None:
        for line in self._extract.lines():
            self._summary.lignes += 1
            for reject in line.rejects:
                self._reject(reject)
            self._staging.add(line)
            if self._summary.lignes % _LINES_A_SIGN == 0:
                self._conduct.go_on("Lecture", self._summary.lignes)
        self._conduct.go_on("Tri", 0)
        self._staging.settle()

    def _reject(self, reject: Reject) -> None:
        self._summary.rejets += 1
        self._conduct.reject(reject)

    # --- who is new, has changed, or is back ---

    def _enter(self, under_way: Import) -> None:
        counts, done = self._staging.counts(), 0
        for structures in self._staging.structures(_COMPARED):
            with self._db.read() as session:
                self._comparing.structures(session, structures, self._batch)
            done += len(structures)
            self._go_on(under_way, "Structures", done, counts[_STRUCTURE])
        self._write(under_way)  # rattachements ask which structures there are
        done = 0
        for personnes, attached in self._staging.personnes(_COMPARED):
            lines = {one.rattachement: one.ligne for one in attached}
            with self._db.read() as session:
                self._comparing.personnes(session, personnes, self._batch)
                for left in self._comparing.rattachements(session, list(lines), self._batch):
                    raison = f"la structure {left.id_structure} n'est ni dans l'annuaire, ni décrite par le fichier"
                    self._reject(Reject(lines[left], "structure", raison))
            done += len(personnes)
            self._go_on(under_way, "Personnes", done, counts[_PERSONNE])
        self._write(under_way)

    def _go_on(self, under_way: Import, step: str, done: int, total: int) -> None:
        if len(self._batch) >= _ROWS_OF_A_TRANSACTION:
            self._write(under_way)
        under_way.give_sign()
        self._conduct.go_on(step, done, total)

    def _write(self, under_way: Import) -> None:
        if len(self._batch):
            with under_way.write() as session:
                self._batch.write(session)
            self._summary.effects.update(self._batch.effects)
            self._batch = Batch()

    # --- who has gone ---

    def _let_go(self, under_way: Import) -> None:
        source = self._extract.source
        for rows in self._staging.gone(_RATTACHEMENT, _ROWS_OF_A_TRANSACTION):
            pairs = [RattachementEntry(personne, structure or "") for personne, structure in rows]
            with under_way.write() as session:
                now = self._conduct.clock()
                self._count_gone(_RATTACHEMENT, detach(session, self._plateforme, source, pairs, now))
                if self._extract.scope is not None:
                    # Of a person whom one structure names no more another one may say more.
                    ids = self._staging.unnamed(_PERSONNE, sorted({pair.id_personne for pair in pairs}))
                    left = unattached(session, self._plateforme, source, ids)
                    gone = set_gone(session, tables.Personne, self._plateforme, source, left, now)
                    self._count_gone(_PERSONNE, gone)
            self._conduct.go_on("Départs", self._summary.totals()[Effect.GONE])
        for name, model in ((_PERSONNE, tables.Personne), (_STRUCTURE, tables.Structure)):
            for rows in self._staging.gone(name, _ROWS_OF_A_TRANSACTION):
                ids = [ident for ident, _ in rows]
                with under_way.write() as session:
                    now = self._conduct.clock()
                    self._count_gone(name, set_gone(session, model, self._plateforme, source, ids, now))
                self._conduct.go_on("Départs", self._summary.totals()[Effect.GONE])

    def _count_gone(self, name: str, count: int) -> None:
        self._summary.effects[name, Effect.GONE] += count
