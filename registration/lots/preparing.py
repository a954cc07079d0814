"""A lot that was read from a file is kept, checked and looked at before it is sent; it is sent once, whatever happens.

Its items are kept as ``lot_page`` keeps them, beside a brouillon that says how far its check has come: with it they go,
after three days at the latest. Nothing of it is a lot before ``send`` has made it one by ``deposit.submit``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registration.brouillons import keeping
from registration.errors import Code, IgcError, NotFoundError
from registration.lots import deposit, revocations
from registration.lots.keeping import check_size, find_lot
from registration.policy import LotPolicy
from registration.revocation.targets import AuthorityNames
from registration.revocation_views import RevocationVerdict
from registration.values import (
    Caller,
    LotForm,
    Origin,
    RevocationLotForm,
    content_digest,
    decode_forms,
    decode_revocations,
    encode_forms,
)
from registration.views import Brouillon, Cause, Depot, LotReceipt, Told, Verdict, Verification
from registration.vocabulary import GenreBrouillon, NatureLot
from runtime.clock import Clock
from storage import tables
from storage.bulk import insert_rows, slices
from storage.database import Database

AnyLot = LotForm | RevocationLotForm
MOST = 3
"""Lots that one acteur may have kept at once: each may be of some ten megabytes. The oldest goes."""
TOLD = 20
"""Refused items that are told one by one before the deposit; of all others, how many for which code."""
_PAGE = 500
_LOT, _VERIFICATION = "lot", "verification"

_page, _brouillon = tables.BrouillonPage, tables.Brouillon


def prepare(db: Database, origin: Origin, form: AnyLot, now: datetime, policy: LotPolicy) -> Depot:
    """Keep a lot to be checked and sent. One that is deposited already is told by its index, and not kept.

    ERR_WS_011 for a bad number of items, ERR_WS_030 for a known reference with another content, AccessError for who
    may deposit nothing.
    """
    items = _items(form)
    check_size(len(items), policy)
    nature = NatureLot.CERTIFICATS if isinstance(form, LotForm) else NatureLot.REVOCATIONS
    known = find_lot(db, origin.acteur, form.reference, content_digest(items))
    donnees = {"nature": nature.value, "reference": form.reference, "nombre": len(items)}
    if known is not None:
        return _as_depot(
            Brouillon(id="", genre=GenreBrouillon.LOT, donnees={_LOT: donnees}, numero=known.index, modifie_le=now)
        )
    with db.write() as session:
        if isinstance(form, LotForm):
            deposit.check_any_right(session, origin.acteur)
        else:
            revocations.check_any_right(session, origin.acteur)
        opened = keeping.open_in(session, origin, GenreBrouillon.LOT, {_LOT: donnees}, now)
        _forget_older(session, opened.id)
        rows = [
            {"id_brouillon": opened.id, "page": page, "contenu": encode_forms(tuple(part))}
            for page, part in enumerate(slices(items, _PAGE))
        ]
        insert_rows(session, _page, rows)
    return _as_depot(opened)


def read(db: Database, who: Caller | Origin, ident: str, now: datetime) -> Depot:
    """His own; NotFoundError (ERR_WS_031) for any other, and for one that is over."""
    return _as_depot(_find(db, who, ident, now))


def check(
    db: Database, origin: Origin, ident: str, names: AuthorityNames, clock: Clock, policy: LotPolicy
) -> Verification:
    """Judge every item as a deposit would now, and keep what came out; how far it is can be read meanwhile.

    A refusal of the lot as a whole is kept as well, and not raised. NotFoundError as ``read``.
    """
    found = _find(db, origin, ident, clock())

    def keep(verification: Verification) -> Verification:
        keeping.keep_step(db, origin, ident, _VERIFICATION, msgspec.to_builtins(verification), clock())
        return verification

    def progress(done: int) -> None:
        keep(Verification(modifie_le=clock(), faits=done))

    progress(0)
    form = _form(db, found)
    verdicts: Sequence[Any]
    try:
        if isinstance(form, LotForm):
            verdicts = deposit.verify(db, origin, form, clock(), policy, progress)
        else:
            verdicts = revocations.verify_revocations(db, origin, form, names, clock(), policy)
    except IgcError as error:
        erreur = f"{error.text} ({error.code.value})"
        return keep(Verification(modifie_le=clock(), fini=True, faits=len(_items(form)), erreur=erreur))
    return keep(_summary(verdicts, clock()))


def send(
    db: Database, origin: Origin, ident: str, names: AuthorityNames, clock: Clock, policy: LotPolicy
) -> LotReceipt:
    """Deposit it, or tell the lot that it has become: of any number of calls, one makes it. Refused as a deposit.

    NotFoundError as ``read``.
    """
    found = _find(db, origin, ident, clock())
    if found.numero is not None:
        return _receipt(db, found)
    form = _form(db, found)
    if isinstance(form, LotForm):
        receipt = deposit.submit(db, origin, form, clock(), policy)
    else:
        receipt = revocations.submit_revocations(db, origin, form, names, clock, policy)
    # Whoever stops before this line finds the lot by its reference the next time.
    with db.write() as session:
        row = keeping.hold(session, origin, ident, clock())
        row.numero = receipt.index
        session.execute(delete(_page).where(_page.id_brouillon == ident))
    return receipt


def _items(form: AnyLot) -> Any:  # noqa: ANN401 -- a tuple of forms of one kind
    return form.demandes if isinstance(form, LotForm) else form.revocations


def _forget_older(session: Session, opened: str) -> None:
    """Those of the owner of this one beyond the first few that are not sent."""
    owner = select(_brouillon.plateforme, _brouillon.proprietaire).where(_brouillon.id == opened).subquery()
    older = session.scalars(
        select(_brouillon.id)
        .join(
            owner,
            (owner.c.plateforme == _brouillon.plateforme) & (owner.c.proprietaire == _brouillon.proprietaire),
        )
        .where(_brouillon.genre == GenreBrouillon.LOT.value, _brouillon.numero.is_(None), _brouillon.id != opened)
        .order_by(_brouillon.modifie_le.desc())
        .offset(MOST - 1)
    ).all()
    session.execute(delete(_brouillon).where(_brouillon.id.in_(older)))


def _find(db: Database, who: Caller | Origin, ident: str, now: datetime) -> Brouillon:
    found = keeping.read_brouillon(db, who, ident, now)
    if found is None or found.genre is not GenreBrouillon.LOT or _LOT not in found.donnees:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return found


def _form(db: Database, found: Brouillon) -> AnyLot:
    with db.read() as session:
        pages = session.scalars(select(_page.contenu).where(_page.id_brouillon == found.id).order_by(_page.page)).all()
    reference = found.donnees[_LOT]["reference"]
    if found.donnees[_LOT]["nature"] == NatureLot.CERTIFICATS.value:
        return LotForm(reference=reference, demandes=tuple(one for page in pages for one in decode_forms(page)))
    items = tuple(one for page in pages for one in decode_revocations(page))
    return RevocationLotForm(reference=reference, revocations=items)


def _receipt(db: Database, found: Brouillon) -> LotReceipt:
    with db.read() as session:
        lot = session.get_one(tables.Lot, found.numero)
        return LotReceipt(
            index=lot.id, reference=lot.reference, nombre=lot.nombre, depose_le=lot.depose_le, already_known=True
        )


def _as_depot(found: Brouillon) -> Depot:
    lot, verification = found.donnees[_LOT], found.donnees.get(_VERIFICATION)
    return Depot(
        id=found.id or None,
        nature=NatureLot(lot["nature"]),
        reference=lot["reference"],
        nombre=lot["nombre"],
        index=found.numero,
        verification=None if verification is None else msgspec.convert(verification, Verification),
    )


def _summary(verdicts: Sequence[Verdict | RevocationVerdict], now: datetime) -> Verification:
    refused = [one for one in verdicts if one.refusals]
    counts = Counter(one.refusals[0].code for one in refused)
    texts: dict[str, str] = {}
    for one in refused:
        texts.setdefault(one.refusals[0].code, one.refusals[0].texte)
    good = [one for one in verdicts if isinstance(one, Verdict) and not one.refusals]
    return Verification(
        modifie_le=now,
        faits=len(verdicts),
        fini=True,
        acceptees=len(verdicts) - len(refused),
        refusees=len(refused),
        averties=sum(1 for one in good if one.warnings),
        refus=tuple(_told(one) for one in refused[:TOLD]),
        causes=tuple(Cause(code=code, texte=texts[code], nombre=nombre) for code, nombre in counts.most_common()),
        subjects=tuple(one.subject for one in good[:5] if one.subject),
    )


def _told(verdict: Verdict | RevocationVerdict) -> Told:
    first = verdict.refusals[0]
    return Told(
        position=verdict.position, reference=verdict.reference, code=first.code, texte=first.texte, champ=first.champ
    )
