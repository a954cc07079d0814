"""Who took the steps of a demande: whether rows, history and registered certificates name the same acteur."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import select

from audit.context import Audit
from audit.reading.rows import snapshot
from audit.trail.operators.administrateurs import appointed
from audit.trail.operators.rights import recognised
from storage import tables

_ACTEUR_LENGTH = 200
_TECHNICAL, _PERSONAL, _NONE = "Administrateur technique ", "Demandeur à titre personnel", "aucune"
_UNDER_WAY = timedelta(minutes=1)  # a request that had begun when it was ended
_PORTEUR = "Porteur CL"
_BY_CODE = ("Porteur du code", "", "Code de révocation", None)
_RENEWAL_ASKED, _ENDED = "ACT_RNV_001", frozenset({"ACT_DCL_006", "ACT_REV_002"})
_acteur, _demande, _lot = tables.Acteur, tables.Demande, tables.Lot


class Acteurs:
    """What is known of the acteurs during one audit."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._recognised = recognised(audit)
        self._appointed = appointed(audit)
        self._name = cache(self._read_name)

    def faults(self, demande: Any, lines: Any) -> Iterator[str]:  # noqa: ANN401 -- rows
        """What is wrong with who acted; the lines of the plateforme itself name nobody."""
        first = lines[0]
        if first.acteur != self._name(demande.id_acteur):
            yield "l'acteur de la demande n'est pas celui de son enregistrement"
        administrateur = None if demande.id_administrateur is None else self._name(demande.id_administrateur)
        if first.administrateur != administrateur:
            yield "l'administrateur de la demande n'est pas celui de son enregistrement"
        if not _may_be_the_right(first.habilitations_acteur or "", demande):
            yield "l'offre ou la structure n'est pas celle de l'habilitation de son enregistrement"
        yield from self._strangers(demande, lines)

    def asked_faults(self, revocation: Any, lines: Any) -> Iterator[str]:  # noqa: ANN401 -- rows
        """As ``faults``, of a demande de révocation: a refused one may be by no right at all."""
        first = lines[0]
        if revocation.id_acteur is None:
            # Whoever knew its code, without login: nobody is named, and the trail tells it (audit/trail/by_code).
            if (first.type_acteur, first.acteur, first.habilitations_acteur, revocation.role) != _BY_CODE:
                yield "sans acteur, et son enregistrement n'est pas celui d'un porteur du code"
            yield from self._strangers(revocation, lines)
            return
        if first.acteur != self._name(revocation.id_acteur):
            yield "l'acteur de la demande n'est pas celui de son enregistrement"
        given, role = first.habilitations_acteur or "", revocation.role
        expected = {None: _NONE, "PORTEUR_CL": _PORTEUR}.get(role, _TECHNICAL)
        if not given.startswith(expected):
            yield f"le rôle {role or 'absent'} n'est pas celui de l'habilitation de son enregistrement"
        yield from self._strangers(revocation, lines)

    def could_act_for_others(self, ident: int, date: datetime) -> bool:
        """Whether this acteur was named then, as the trail says; a request under way may end after him."""
        return self._was_appointed({ident}, date)

    def _strangers(self, item: Any, lines: Any) -> Iterator[str]:  # noqa: ANN401 -- rows
        """Whoever acts presents a certificate that was his then."""
        for rank, line in enumerate(lines, 1):
            if line.canal == "SYSTEM" or not line.acteur:
                continue
            known = self._recognised.get((line.emetteur or "", line.serie or ""), set())
            if line.administrateur and not any(self._was_appointed(known, date) for date in self._asked(item, line)):
                yield f"ligne {rank} : {line.administrateur} ne pouvait pas agir pour un tiers"
            if (line.administrateur or line.acteur) not in {self._name(ident) for ident in known}:
                yield f"ligne {rank} : le certificat client présenté n'était pas celui de {line.acteur}"

    def _asked(self, item: Any, line: Any) -> Iterator[datetime]:  # noqa: ANN401 -- rows
        """When somebody asked for the step: then, or with the lot, from whose pages the batch took it later."""
        yield line.date
        of_lot = [_lot.id == item.id_lot] if item.id_lot is not None and line.date == item.cree_le else []
        if line.code_action == _RENEWAL_ASKED:
            renewing = select(_demande.id_lot).where(_demande.renouvelle == item.id, _demande.cree_le == line.date)
            of_lot = [_lot.id.in_(renewing)]
        if not of_lot:
            return
        with snapshot(self._audit.db) as session:
            dates = session.execute(select(_lot.depose_le, _lot.annule_le).where(*of_lot)).all()
        for deposited, cancelled in dates:
            asked = cancelled if line.code_action in _ENDED else deposited
            if asked is not None and asked <= line.date:
                yield asked

    def _was_appointed(self, known: set[int], date: datetime) -> bool:
        return any(
            ident in known and begins <= date and (ends is None or date < ends + _UNDER_WAY)
            for ident, begins, ends in self._appointed
        )

    def _read_name(self, ident: int) -> str | None:
        with snapshot(self._audit.db) as session:
            row = session.execute(select(_acteur.libelle, _acteur.id_national).where(_acteur.id == ident)).one_or_none()
        if row is None:
            return None
        suffix = f" ({row.id_national})" if row.id_national else ""
        return str(row.libelle)[: _ACTEUR_LENGTH - len(suffix)] + suffix


def _may_be_the_right(given: str, demande: Any) -> bool:  # noqa: ANN401 -- a row
    """Whether the right that the history states is one for such a demande; a refused one may be by none."""
    if given.startswith(_TECHNICAL):
        return demande.offre != "PS" and given.endswith(f" {demande.id_structure}")
    return given == _NONE or (given == _PERSONAL and demande.offre == "PS")
