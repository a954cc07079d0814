"""Habilitations as an operator asks for them: judged by the directory and the table of rights, then given or ended.

A list of them is all or nothing: one that cannot be is told, and then none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.acteurs.applications import check_motif
from registration.acteurs.habilitations import (
    LIBELLE_LENGTH,
    Habilitation,
    Profile,
    Terms,
    end,
    enter_personne,
    grant,
    held,
)
from registration.acteurs.listing import application_ids, find_acteur, habilitations_of
from registration.acteurs.perimeter import get_structure
from registration.acteurs.refusals import ActeurRefusedError, near
from registration.rules.domains import normalize_pattern
from registration.rules.identifiers import IdentifierError, check_personne
from registration.rules.limits import is_personne
from registration.rules.rights import ACTIONS
from registration.vocabulary import Offre, Plateforme, Role, TypeActeurInscrit
from registration.wording import moment
from storage import tables
from storage.database import Database


class Step(StrEnum):
    """What is to be done with an habilitation; the words of the column « action »."""

    GRANT = "donner"
    END = "retirer"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One habilitation to give or to end, as it was typed."""

    step: Step
    acteur: str
    offre: str
    structure: str
    domaine: str | None = None
    terms: Terms


class Verdict(NamedTuple):
    """What became, or would become, of one of a list: done, nothing to do, or why it cannot be."""

    text: str
    is_refused: bool = False
    champ: str | None = None


class _ListRefusedError(Exception):
    """Undoes what was done of a list."""


def settle(
    db: Database, plateforme: Plateforme, wanted: Sequence[Wanted], now: datetime, *, dry_run: bool = False
) -> tuple[Verdict, ...]:
    """A verdict for each; everything was done, in one transaction, unless one is refused or with ``dry_run``."""
    verdicts: list[Verdict] = []
    try:
        with db.write() as session:
            verdicts.extend(_verdict(session, plateforme, one, now) for one in wanted)
            if dry_run or any(verdict.is_refused for verdict in verdicts):
                raise _ListRefusedError  # noqa: TRY301 -- it ends the transaction
    except _ListRefusedError:
        pass
    return tuple(verdicts)


def settle_one(db: Database, plateforme: Plateforme, wanted: Wanted, now: datetime) -> str:
    """As ``settle`` for a single one; ActeurRefusedError with its reason when it cannot be."""
    (verdict,) = settle(db, plateforme, [wanted], now)
    if verdict.is_refused:
        raise ActeurRefusedError(verdict.text, verdict.champ)
    return verdict.text


def _verdict(session: Session, plateforme: Plateforme, wanted: Wanted, now: datetime) -> Verdict:
    try:
        if wanted.step is Step.GRANT:
            return Verdict(_grant(session, plateforme, wanted, now))
        return Verdict(_end(session, plateforme, wanted, now))
    except ActeurRefusedError as error:
        return Verdict(str(error), is_refused=True, champ=error.champ)


def _grant(session: Session, plateforme: Plateforme, wanted: Wanted, now: datetime) -> str:
    terms = _check_terms(wanted.terms, now)
    offre = _offre(wanted.offre)
    structure = get_structure(session, plateforme, wanted.structure)
    right: Habilitation = (offre, structure.id_national, _check_domaine(offre, wanted.domaine))
    ident = acteur_or_new(session, plateforme, wanted.acteur, now)
    for there in held(session, ident, right, now):
        if (there.begins, there.ends) == (terms.begins, terms.ends):
            return "déjà donnée, rien à faire"
        raise ActeurRefusedError(f"déjà donnée, {_dates(there)} : la retirer d'abord")
    grant(session, ident, right, now, terms)
    return f"donnée : {_named(right)} ({structure.raison_sociale}), {_dates(terms)}"


def _end(session: Session, plateforme: Plateforme, wanted: Wanted, now: datetime) -> str:
    motif = check_motif(wanted.terms.motif or "")
    acteur = find_acteur(session, plateforme, wanted.acteur)
    if acteur is None:
        raise ActeurRefusedError(_unknown(session, plateforme, wanted.acteur), "acteur")
    offre = _offre(wanted.offre)
    # What was entered by an older plateforme may stand as it was typed then.
    patterns = dict.fromkeys((wanted.domaine or None, normalize_pattern(wanted.domaine) if wanted.domaine else None))
    for domaine in patterns:
        right: Habilitation = (offre, wanted.structure, domaine)
        if end(session, acteur.id, right, now, motif):
            return f"retirée : {_named(right)}"
    there = [_named(one) for one in habilitations_of(session, acteur.id, now)]
    raise ActeurRefusedError(
        f"{wanted.acteur} n'a pas l'habilitation {_named((offre, wanted.structure, wanted.domaine))} "
        f"(il a : {' ; '.join(there) or 'aucune'})"
    )


def _check_terms(terms: Terms, now: datetime) -> Terms:
    """One that begins now or before begins at once; dates that leave no moment are refused."""
    motif = check_motif(terms.motif or "")
    begins = terms.begins if terms.begins is not None and terms.begins > now else None
    if terms.ends is not None and terms.ends <= (begins or now):
        raise ActeurRefusedError(f"ces dates ne laissent aucun jour : {_dates(terms)}", "dates")
    return Terms(begins=begins, ends=terms.ends, motif=motif)


def _offre(text: str) -> Offre:
    """One that an administrateur technique can have (guide §7, tables 6 and 7): offre PS needs no row."""
    known = sorted(offre.value for role, offre in ACTIONS if role is Role.ADMINISTRATEUR_TECHNIQUE)
    if text not in known:
        told = f"offre « {text} » : {', '.join(known)} attendue (PS ne s'administre pas)"
        raise ActeurRefusedError(told, "offre")
    return Offre(text)


def _check_domaine(offre: Offre, typed: str | None) -> str | None:
    """The pattern as it is stored; ActeurRefusedError for one that covers nothing (domain.md, decision 1).

    ORG has none. SERV has always one, for every usage of it names a domain. PRO may go without: no mail address then.
    """
    if offre is Offre.ORG:
        if typed:
            raise ActeurRefusedError("ORG ne porte pas de domaine", "domaine")
        return None
    if not typed:
        if offre is Offre.SERV:
            text = "SERV sans domaine ne couvre rien : un nom de serveur, *domaine ou *.domaine"
            raise ActeurRefusedError(text, "domaine")
        return None
    pattern = normalize_pattern(typed)
    if pattern is None:
        raise ActeurRefusedError(
            f"« {typed} » ne couvre rien : d, *d, *.d ou *@d attendu, d étant un domaine d'au moins deux parties",
            "domaine",
        )
    if offre is Offre.PRO and not pattern.startswith("*"):
        text = f"« {typed} » ne couvre rien sur PRO ; proches : *@{pattern}, *{pattern}, *.{pattern}"
        raise ActeurRefusedError(text, "domaine")
    return pattern


def acteur_or_new(session: Session, plateforme: Plateforme, id_national: str, now: datetime) -> int:
    """An acteur that there is; else a person, who becomes one: he may have a card and have done nothing here yet.

    Of the directory or not, for it does not hold everybody: whoever is not in it is known by his national id until he
    acts, and that must have its form and its key.
    """
    acteur = find_acteur(session, plateforme, id_national)
    if acteur is not None:
        return acteur.id
    personne = session.get(tables.Personne, (plateforme.value, id_national)) if id_national.isprintable() else None
    if personne is not None and personne.disparu_le is not None:
        raise ActeurRefusedError(
            f"« {id_national} » : disparue de l'annuaire le {moment(personne.disparu_le)}", "acteur"
        )
    if personne is None:
        _check_unseen(session, plateforme, id_national)
    profile = Profile(
        id_national=id_national,
        libelle=id_national if personne is None else f"{personne.nom} {personne.prenom}"[:LIBELLE_LENGTH],
        type_acteur=TypeActeurInscrit.PERSONNE,
        type_personne=None if personne is None else personne.type_personne,
    )
    return enter_personne(session, plateforme, profile, now)


def _check_unseen(session: Session, plateforme: Plateforme, id_national: str) -> None:
    """ActeurRefusedError, with what it may have been meant for, unless it is the national id of some person.

    An id that begins with one of a structure is that of an application, and mistyped.
    """
    try:
        check_personne(id_national)
    except IdentifierError as error:
        text = f"{_unknown(session, plateforme, id_national)} ({error.raison})"
        raise ActeurRefusedError(text, "acteur") from None
    structure = session.get(tables.Structure, (plateforme.value, id_national.partition("/")[0]))
    if structure is not None or not is_personne(id_national):
        raise ActeurRefusedError(_unknown(session, plateforme, id_national), "acteur")


def _unknown(session: Session, plateforme: Plateforme, id_national: str) -> str:
    acteur = tables.Acteur
    persons = session.scalars(
        select(acteur.id_national).where(
            acteur.plateforme == plateforme.value, acteur.type_acteur == TypeActeurInscrit.PERSONNE.value
        )
    )
    known = [*application_ids(session, plateforme), *(ident for ident in persons if ident is not None)]
    return f"« {id_national} » : ni application inscrite, ni personne de l'annuaire{near(id_national, known)}"


def _named(habilitation: Habilitation) -> str:
    offre, structure, domaine = habilitation
    return f"{offre.value} {structure} {domaine or ''}".rstrip()


def _dates(terms: Terms) -> str:
    begins = "dès maintenant" if terms.begins is None else f"à partir du {moment(terms.begins)}"
    return begins if terms.ends is None else f"{begins}, jusqu'au {moment(terms.ends)}"
