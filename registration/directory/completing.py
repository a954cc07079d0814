"""A directory elsewhere is asked for whom the tables do not know, and what it says is kept in them.

The tables are what rules and searches of demandes read; imports go before what is fetched. While the directory does not
answer, what the tables hold serves, and only who is not in them is told ERR_IHM_024 (docs/exploitation.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.directory.entries import RattachementEntry
from registration.directory.port import Directory, Entries
from registration.directory.storing import Batch, Comparing, detach, set_gone
from registration.errors import DirectoryAwayError
from registration.rules.limits import is_personne, is_structure
from registration.rules.rights import may_request_for_self
from registration.values import Acteur, DemandeForm
from registration.vocabulary import Offre, Plateforme, SourceAnnuaire, offre_of
from storage import tables
from storage.bulk import slices
from storage.database import Database

log = structlog.get_logger()

_REMEMBERED = 200_000
_MAX_OUTSIDE = 50
"""Structures outside of a perimeter that one call may have looked for: who made a slip names one, who probes many."""
_T = TypeVar("_T")


class _Named(NamedTuple):
    """Whom forms name: structures, persons by themselves, persons in a structure."""

    structures: frozenset[str] = frozenset()
    personnes: frozenset[str] = frozenset()
    pairs: frozenset[RattachementEntry] = frozenset()

    @classmethod
    def by(cls, acteur: Acteur, forms: Sequence[DemandeForm], session: Session) -> Self:
        """Inside the perimeter of the acteur, or himself: a stranger cannot have the directory searched.

        Who has a perimeter is told whether the structures that he names outside of it exist, if they are few.
        """
        perimeter = load_rights(session, acteur).perimeter
        allowed = [
            (form, form.structure)
            for form in forms
            if form.structure is not None and (offre_of(form.offre), form.structure) in perimeter
        ]
        outside = {form.structure for form in forms if form.structure is not None and is_structure(form.structure)}
        outside -= {structure for _, structure in allowed}
        asks_for_self = may_request_for_self(acteur) and any(offre_of(form.offre) is Offre.PS for form in forms)
        return cls(
            structures=frozenset(structure for _, structure in allowed).union(
                outside if perimeter and len(outside) <= _MAX_OUTSIDE else ()
            ),
            personnes=frozenset([acteur.id_national] if asks_for_self and acteur.id_national else []),
            pairs=frozenset(
                RattachementEntry(form.beneficiaire, structure)
                for form, structure in allowed
                if offre_of(form.offre) is Offre.PRO
                and form.beneficiaire is not None
                and is_personne(form.beneficiaire)
            ),
        )

    def without(self, other: _Named) -> _Named:
        """Those that the other does not name."""
        return _Named(self.structures - other.structures, self.personnes - other.personnes, self.pairs - other.pairs)

    def that(self, is_wanted: Callable[[Any], bool]) -> _Named:
        """Some of them."""
        return _Named(
            frozenset(filter(is_wanted, self.structures)),
            frozenset(filter(is_wanted, self.personnes)),
            frozenset(filter(is_wanted, self.pairs)),
        )


class Completing:
    """``Completion`` of one process: what was answered is believed for ``fresh_seconds``.

    After a silence nobody is made to wait for another one before ``retry_seconds`` are over.
    """

    def __init__(
        self,
        db: Database,
        directory: Directory,
        plateforme: Plateforme,
        *,
        fresh_seconds: float,
        retry_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._directory, self._plateforme = db, directory, plateforme
        self._fresh_seconds, self._retry_seconds, self._monotonic = fresh_seconds, retry_seconds, monotonic
        self._answered: dict[object, float] = {}
        self._silent_until: float | None = None
        self._mutex = threading.Lock()

    def complete(self, acteur: Acteur, forms: Sequence[DemandeForm], now: datetime) -> bool:
        """Fetch whom the forms name and no import knows; False when the directory does not answer."""
        with self._db.read() as session:
            named = _Named.by(acteur, forms, session)
            wanted = named.without(_held_by_imports(session, self._plateforme, named)).that(self._is_stale)
        if not any(wanted):
            return True
        if self._silent_until is not None and self._monotonic() < self._silent_until:
            return False
        try:
            found = self._directory.read(
                wanted.structures | {pair.id_structure for pair in wanted.pairs},
                wanted.personnes | {pair.id_personne for pair in wanted.pairs},
            )
        except DirectoryAwayError:
            self._silent_until = self._monotonic() + self._retry_seconds
            log.warning("directory does not answer", retry_seconds=self._retry_seconds)
            return False
        _keep(self._db, self._plateforme, found, wanted, now)
        self._remember(wanted)
        return True

    def _is_stale(self, key: object) -> bool:
        with self._mutex:
            answered = self._answered.get(key)
        return answered is None or self._monotonic() - answered >= self._fresh_seconds

    def _remember(self, named: _Named) -> None:
        keys = [key for part in named for key in part]
        with self._mutex:
            if len(self._answered) + len(keys) > _REMEMBERED:
                self._answered.clear()
            self._answered.update(dict.fromkeys(keys, self._monotonic()))


def _held_by_imports(session: Session, plateforme: Plateforme, named: _Named) -> _Named:
    """Those that are in the directory by the word of an import: they are not asked for."""
    structure, personne, attached = tables.Structure, tables.Personne, tables.Rattachement

    def held(table: Any, columns: Sequence[Any], key: Any, values: Collection[_T]) -> list[Any]:  # noqa: ANN401 -- columns
        return [
            row
            for part in slices(values)
            for row in session.execute(
                select(*columns).where(
                    table.plateforme == plateforme.value,
                    key.in_(part),
                    table.disparu_le.is_(None),
                    table.source != SourceAnnuaire.LDAP.value,
                )
            )
        ]

    people = {pair.id_personne for pair in named.pairs}
    return _Named(
        frozenset(row[0] for row in held(structure, [structure.id_national], structure.id_national, named.structures)),
        frozenset(row[0] for row in held(personne, [personne.id_national], personne.id_national, named.personnes)),
        frozenset(
            RattachementEntry(*row)
            for row in held(attached, [attached.id_personne, attached.id_structure], attached.id_personne, people)
        ),
    )


def _keep(db: Database, plateforme: Plateforme, found: Entries, asked: _Named, now: datetime) -> None:
    """What was found goes into the tables, who was asked for and is not there any more leaves them."""
    source = SourceAnnuaire.LDAP
    comparing = Comparing(plateforme, source)
    here = {entry.id_national for entry in found.structures}
    people = {entry.id_national for entry in found.personnes}
    gone_pairs = sorted(asked.pairs - set(found.rattachements))
    asked_people = asked.personnes | {pair.id_personne for pair in asked.pairs}
    with db.write() as session:
        described, attached = Batch(), Batch()
        comparing.structures(session, found.structures, described)
        comparing.personnes(session, found.personnes, described)
        described.write(session)
        comparing.rattachements(session, found.rattachements, attached)
        attached.write(session)
        detach(session, plateforme, source, gone_pairs, now)
        set_gone(session, tables.Personne, plateforme, source, sorted(asked_people - people), now)
        set_gone(session, tables.Structure, plateforme, source, sorted(asked.structures - here), now)
