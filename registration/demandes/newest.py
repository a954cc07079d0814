"""The newest of what a search selects, a page at a time, and how many they are: what all searches share.

A walk from the newest one down fills a page at once where much is selected, and reads every row there is where little
is, or where what is selected is old. The database cannot tell these apart, for it takes what is selected for evenly
spread, and demandes that are alike come together: lots, campaigns, certificates that have expired. So it is not asked.
A walk of some thousand numeros comes first; where that does not fill the page, all that is selected is found by the
indexes that select it, of which that of perimeters holds what searches compare. Both are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from registration.acteurs.sight import Parts
from registration.demandes.criteria import Conditions
from storage.planning import plan_by_values

WALK = 4_000
"""How many numeros are walked through at the most: one in two hundred must be selected to fill a page of twenty."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a search selects: rows that meet all ``conditions`` and one of ``parts``, of which none meets two.

    ``source`` gives their ``numero``, which is the key of its table, and joins what the conditions speak of. ``walk``
    says through how many numeros it is worth to walk: none where the conditions name one thing, or who asks may follow
    but little.
    """

    source: Select[int]
    numero: InstrumentedAttribute[int]
    parts: Parts
    conditions: Conditions
    walk: int

    def page(self, session: Session, view: Select[*tuple[Any, ...]], *, after: int | None, limit: int) -> Sequence[Any]:
        """The rows of ``view`` for the ``limit`` newest below ``after``, if so many there are."""
        plan_by_values(session)
        if self.walk:
            top = after if after is not None else 1 + (session.scalar(select(func.max(self.numero))) or 0)
            rows = self._rows(session, view, self._near(top, limit))
            if len(rows) == limit:
                return rows
        return self._rows(session, view, self._everywhere(after, limit)) if self.parts else []

    def count(self, session: Session) -> int:
        """How many they are in all."""
        plan_by_values(session)
        if not self.parts:
            return 0
        return session.scalar(select(func.count()).select_from(self._all([]).subquery())) or 0

    def _rows(self, session: Session, view: Select[*tuple[Any, ...]], numeros: Select[int]) -> Sequence[Any]:
        query = view.where(self.numero.in_(numeros)).order_by(self.numero.desc())
        return session.connection().execute(query).all()

    def _near(self, top: int, limit: int) -> Select[int]:
        """Of the numeros right below ``top``. What he may follow is no way to them: no index is to look for it here."""
        followed = case((or_(*self.parts), 1), else_=0) == 1
        walked = self.source.where(self.numero < top, self.numero >= top - self.walk, followed, *self.conditions)
        return walked.order_by(self.numero.desc()).limit(limit)

    def _everywhere(self, after: int | None, limit: int) -> Select[int]:
        found = self._all([] if after is None else [self.numero + 0 < after]).subquery()
        return select(found.c.numero).order_by(found.c.numero.desc()).limit(limit)

    def _all(self, bounds: Sequence[ColumnElement[bool]]) -> Any:  # noqa: ANN401 -- a select, or several put together
        """All of them. As a sum the numero is no order that an index has: nothing tempts to walk along its own."""
        numero = (self.numero + 0).label("numero")
        queries = [self.source.with_only_columns(numero).where(part, *self.conditions, *bounds) for part in self.parts]
        return queries[0] if len(queries) == 1 else union_all(*queries)
