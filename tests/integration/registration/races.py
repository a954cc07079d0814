"""The races by pair: what meets what, what the loser is told, and what must hold whoever came first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from registration.errors import Code
from registration.lots.pages import register_page
from registration.retraits.overdue import end_overdue
from registration.revocation.due import revoke_due
from registration.revocation.revoking import revoke_of_demandes
from registration.revocation_views import RevocationResult
from registration.views import CancelResult, LotReceipt, Retrait
from registration.vocabulary import Canal, CodeAction, EtatDemande, Offre, ResultatRevocation
from storage import tables
from tests.integration.registration.renewing import renewal
from tests.integration.registration.test_pages import owed_pages
from tests.support.acteurs import AGENT, HOPITAL, MEDECIN
from tests.support.assertions import the
from tests.support.produits import conditions
from tests.support.races import Outcomes, Race
from tests.support.revoking import revocation_form
from tests.support.world import World

AN_INSTANT = timedelta(microseconds=1)
OTHER_CODE = "Autre-Sesame-2-ferme"


@dataclass
class Product:
    """What a round is about: a demande and its certificate, and numbers of keys that nobody has presented."""

    numero: int
    rank: int
    keys: tuple[int, int]
    other: int = 0
    receipts: dict[str, LotReceipt] = field(default_factory=dict)

    def reference(self, which: str) -> str:
        return f"{which}-{self.rank}-{self.numero}"


def keys_of(rank: int) -> tuple[int, int, int]:
    return 3 * rank, 3 * rank + 1, 3 * rank + 2


def waiting(world: World, rank: int, product: str = "ORG_AUTH_CLI", **changes: Any) -> Product:
    """A certificate that is to be withdrawn."""
    first, *others = keys_of(rank)
    numero = world.place(world.form(product, first, **changes))
    world.run_batch()
    return Product(numero, rank, (others[0], others[1]))


def active(world: World, rank: int, product: str = "ORG_AUTH_CLI", **changes: Any) -> Product:
    """A certificate in use."""
    product_ = waiting(world, rank, product, **changes)
    world.ra.retraits.withdraw(world.origin(), product_.numero, conditions())
    return product_


def ending(world: World, rank: int, days: float = 5, product: str = "ORG_AUTH_CLI", **changes: Any) -> Product:
    """One that ends in so many days, or has ended, and may be renewed."""
    found = active(world, rank, product, **changes)
    world.set_end([found.numero], world.clock() + timedelta(days=days))
    return found


# --- acts ---


def withdraw(world: World, one: Product) -> Retrait:
    return world.ra.retraits.withdraw(world.origin(), one.numero, conditions())


def withdraw_otherwise(world: World, one: Product) -> Retrait:
    return world.ra.retraits.withdraw(world.origin(), one.numero, conditions(OTHER_CODE))


def cancel(world: World, one: Product) -> CancelResult:
    """Somebody else of the perimeter, on the portal."""
    return world.ra.demandes.cancel(world.origin("administrateur", Canal.IHM), one.numero)


def pass_the_limit(world: World, one: Product) -> int:
    limit = the(world.demande(one.numero).limite_retrait)
    return end_overdue(world.db, lambda: limit)


def revoke_as_operator(world: World, one: Product) -> int:
    with world.db.write() as session:
        done = revoke_of_demandes(session, [one.numero], "cessationOfOperation", world.clock(), "essai")
    return len(done.certificates)


def revoke(world: World, one: Product) -> RevocationResult:
    return world.ra.revocations.revoke(world.origin("administrateur"), revocation_form(one.numero))


def tomorrow(world: World, days: int = 1) -> str:
    return f"{world.clock() + timedelta(days=days):%Y-%m-%d}"


def plan(world: World, one: Product) -> RevocationResult:
    form = revocation_form(one.numero, date_effet=tomorrow(world))
    return world.ra.revocations.revoke(world.origin(), form)


def plan_later(world: World, one: Product) -> RevocationResult:
    form = revocation_form(one.numero, date_effet=tomorrow(world, 2))
    return world.ra.revocations.revoke(world.origin("administrateur", Canal.IHM), form)


def give_up(world: World, one: Product) -> bool:
    return world.ra.revocations.give_up(world.origin("administrateur"), one.other)


def revoke_due_now(world: World, _one: Product) -> int:
    return revoke_due(world.db, world.clock)


def renew(which: str, rank: int = 0) -> Callable[[World, Product], LotReceipt]:
    """By a lot of one item; its receipt is kept under ``which``."""

    def act(world: World, one: Product) -> LotReceipt:
        receipt = world.deposit(renewal(one.numero, one.keys[rank]), reference=one.reference(which))
        one.receipts[which] = receipt
        return receipt

    return act


def renew_on_the_portal(world: World, one: Product) -> int:
    origin = world.origin("administrateur", Canal.IHM)
    return world.ra.demandes.submit(origin, renewal(one.numero, one.keys[1]))


def take_the_address(world: World, one: Product) -> int:
    """Another porteur asks for the address of a certificate that has ended."""
    form = world.form("PRO_SIGN", one.keys[1], beneficiaire=MEDECIN, adresse_email=_address(one.rank))
    return world.ra.demandes.submit(world.origin(canal=Canal.IHM), form)


def cancel_the_renewal(world: World, one: Product) -> CancelResult:
    return world.ra.demandes.cancel(world.origin(), one.other)


def end_the_right(world: World, _one: Product) -> None:
    world.withdraw_rights("dr-leroux")


def register_the_page(world: World, one: Product) -> int:
    (outbox_id, page), *_ = owed_pages(world)
    return register_page(world.db, one.other, page, world.clock(), world.policy.lots, outbox_id=outbox_id)


# --- what they start from ---


def planned(world: World, rank: int) -> Product:
    one = active(world, rank)
    one.other = the(plan(world, one).numero)
    return one


def planned_for_now(world: World, rank: int) -> Product:
    """One whose day has come."""
    one = planned(world, rank)
    with world.db.write() as session:
        row = tables.DemandeRevocation
        session.execute(update(row).where(row.id == one.other).values(effet_le=world.clock()))
    return one


def renewed(world: World, rank: int) -> Product:
    one = ending(world, rank)
    one.other = world.place(renewal(one.numero, one.keys[0]))
    return one


def with_a_freed_address(world: World, rank: int) -> Product:
    """Its certificate has ended a day ago: renewable still, and its address nobody's."""
    return ending(world, rank, -1, "PRO_SIGN", beneficiaire=AGENT, adresse_email=_address(rank))


def _address(rank: int) -> str:
    return f"r{rank}@acacias.example"


def a_page(world: World, rank: int) -> Product:
    """A large lot whose first page is still to be registered, and whose sender has his right."""
    world.grant("dr-leroux", Offre.ORG, HOPITAL)
    first, second, _ = keys_of(rank)
    forms = [world.form(key=first + 1_000 * place) for place in range(5)]
    index = world.with_policy(at_once=1).deposit(*forms, reference=f"page-{rank}").index
    return Product(0, rank, (first, second), other=index)


# --- what must be ---


def steps(world: World, numero: int) -> list[CodeAction]:
    return world.steps(numero)


def one_end(world: World, one: Product, outcomes: Outcomes) -> str:
    """Withdrawn, cancelled or ended by its limit: one of them, its certificate as that has it, and who lost is told."""
    ends = {CodeAction.WITHDRAWN, CodeAction.CANCELLED, CodeAction.NOT_WITHDRAWN}
    (end,) = [step for step in steps(world, one.numero) if step in ends]
    withdrawn = end is CodeAction.WITHDRAWN
    demande = world.demande(one.numero)
    assert demande.etat == (EtatDemande.CLOSE if withdrawn else EtatDemande.ANNULEE).value
    assert (world.certificat(one.numero).revoque_le is None) is withdrawn
    assert any(isinstance(outcome, Retrait) for outcome in outcomes) is withdrawn
    return end.name


def withdrawn_and_revoked(world: World, one: Product, outcomes: Outcomes) -> str:
    """An operator's revocation comes before the withdrawal, which is then too late, or after it."""
    assert world.certificat(one.numero).revoque_le is not None
    withdrawn = isinstance(outcomes.first, Retrait)
    assert (CodeAction.WITHDRAWN in steps(world, one.numero)) is withdrawn
    assert world.demande(one.numero).etat == (EtatDemande.CLOSE if withdrawn else EtatDemande.ANNULEE).value
    assert steps(world, one.numero)[-1] is CodeAction.CERTIFICATE_REVOKED
    return "withdrawal" if withdrawn else "operator"


def withdrawn_by_one_code(world: World, one: Product, outcomes: Outcomes) -> str:
    assert steps(world, one.numero).count(CodeAction.WITHDRAWN) == 1
    assert outcomes.refused == [Code.RETRAIT_FAILED]
    return "first" if isinstance(outcomes.first, Retrait) else "second"


def renewed_before_it_was_revoked(world: World, one: Product, outcomes: Outcomes) -> str:
    """It is revoked in any case; a renewal was asked for before, or is refused."""
    assert isinstance(outcomes.second, RevocationResult)
    assert world.certificat(one.numero).revoque_le is not None
    (code,) = world.codes(one.receipts["a"].index)
    told = [
        step
        for step in steps(world, one.numero)
        if step in {CodeAction.RENEWAL_RECORDED, CodeAction.CERTIFICATE_REVOKED}
    ]
    if code is None:
        assert told == [CodeAction.RENEWAL_RECORDED, CodeAction.CERTIFICATE_REVOKED]
        return "renewal"
    assert (code, told) == (Code.NOT_RENEWABLE.value, [CodeAction.CERTIFICATE_REVOKED])
    return "revocation"


def renewed_or_planned(world: World, one: Product, outcomes: Outcomes) -> str:
    """What waits for its revocation is not renewed; what is renewed may be revoked on a day."""
    assert isinstance(outcomes.second, RevocationResult)
    (code,) = world.codes(one.receipts["a"].index)
    assert code in {None, Code.NOT_RENEWABLE.value}
    return "renewal" if code is None else "revocation"


def one_renewal(world: World, one: Product, outcomes: Outcomes) -> str:
    (code,) = world.codes(one.receipts["a"].index)
    if isinstance(outcomes.second, int):
        assert code == Code.RENEWAL_TAKEN.value
    else:
        assert (code, outcomes.second) == (None, Code.RENEWAL_TAKEN)
    assert steps(world, one.numero).count(CodeAction.RENEWAL_RECORDED) == 1
    return "first" if code is None else "second"


def renewed_once_at_a_time(world: World, one: Product, outcomes: Outcomes) -> str:
    """The cancellation of a renewal always succeeds; who asks for the next one finds it done, or not yet."""
    assert outcomes.first == CancelResult(cancelled=1, unchanged=0)
    (code,) = world.codes(one.receipts["a"].index)
    assert code in {None, Code.RENEWAL_TAKEN.value}
    return "cancellation" if code is None else "renewal"


def one_holder(world: World, one: Product, outcomes: Outcomes) -> str:
    """The address has one porteur: the one who renews, or the other one."""
    (code,) = world.codes(one.receipts["a"].index)
    if code is None:
        assert outcomes.second is Code.EMAIL_TAKEN
        return "renewal"
    assert code == Code.EMAIL_TAKEN.value
    assert isinstance(outcomes.second, int)
    return "the other"


def revoked_at_once(world: World, one: Product, outcomes: Outcomes) -> str:
    """Whatever was planned is replaced, done before, or never came to be."""
    now = outcomes.second
    assert isinstance(now, RevocationResult)
    assert now.resultat in {ResultatRevocation.REVOQUE, ResultatRevocation.DEJA_REVOQUE}
    assert world.certificat(one.numero).revoque_le is not None
    assert steps(world, one.numero).count(CodeAction.CERTIFICATE_REVOKED) == 1
    rows = world.values(
        select(tables.DemandeRevocation).where(tables.DemandeRevocation.id_demande == one.numero).order_by("id")
    )
    assert all(row.etat == "CLOSE" for row in rows)
    done = [row for row in rows if row.resultat == ResultatRevocation.REVOQUE.value]
    assert len(done) == 1
    return "immediate" if len(rows) == 1 else f"{rows[0].resultat}"


def one_day(world: World, one: Product, outcomes: Outcomes) -> str:
    assert outcomes.refused == [Code.REVOCATION_PENDING]
    row = tables.DemandeRevocation
    (waiting_one,) = world.values(select(row).where(row.id_demande == one.numero))
    assert waiting_one.etat == "VALIDEE"
    return "first" if outcomes.first is not Code.REVOCATION_PENDING else "second"


def done_or_given_up(world: World, one: Product, outcomes: Outcomes) -> str:
    (row,) = world.values(select(tables.DemandeRevocation).where(tables.DemandeRevocation.id == one.other))
    revoked = world.certificat(one.numero).revoque_le is not None
    assert row.resultat == ("REVOQUE" if revoked else "ABANDONNEE")
    assert outcomes.second is (Code.REVOCATION_NOT_PENDING if revoked else True)
    return row.resultat


def judged_by_one_right(world: World, one: Product, outcomes: Outcomes) -> str:
    """A page is one moment: all of it by the right that was there, or none of it."""
    assert outcomes.second == 5
    (code,) = set(world.codes(one.other))
    assert code in {None, Code.HABILITATION_MISSING.value}
    return "page" if code is None else "right"


def withdrawn_by_right(world: World, one: Product, outcomes: Outcomes) -> str:
    world.grant("dr-leroux", Offre.SERV, HOPITAL, "*acacias.example")
    withdrawn = isinstance(outcomes.second, Retrait)
    assert outcomes.refused == ([] if withdrawn else [Code.HABILITATION_MISSING])
    assert (CodeAction.WITHDRAWN in steps(world, one.numero)) is withdrawn
    return "withdrawal" if withdrawn else "right"


LOST = frozenset({Code.RETRAIT_FAILED, Code.NOT_WITHDRAWABLE, Code.CANCEL_TOO_LATE})
RACES: tuple[Race[Product], ...] = (
    Race("withdrawal, limit", waiting, withdraw, pass_the_limit, one_end, LOST),
    Race("withdrawal, cancellation", waiting, withdraw, cancel, one_end, LOST),
    Race("cancellation, limit", waiting, cancel, pass_the_limit, one_end, LOST),
    Race("withdrawal, revocation by the operator", waiting, withdraw, revoke_as_operator, withdrawn_and_revoked, LOST),
    Race("withdrawals with two codes", waiting, withdraw, withdraw_otherwise, withdrawn_by_one_code, LOST),
    Race("renewal, revocation", ending, renew("a"), revoke, renewed_before_it_was_revoked),
    Race("renewal, planned revocation", ending, renew("a"), plan, renewed_or_planned),
    Race(
        "renewals on both canals", ending, renew("a"), renew_on_the_portal, one_renewal, frozenset({Code.RENEWAL_TAKEN})
    ),
    Race("cancelled renewal, next renewal", renewed, cancel_the_renewal, renew("a", 1), renewed_once_at_a_time),
    Race(
        "renewal, address taken", with_a_freed_address, renew("a"), take_the_address, one_holder,
        frozenset({Code.EMAIL_TAKEN}),
    ),
    Race("planned revocation, immediate revocation", active, plan, revoke, revoked_at_once),
    Race("planned revocation that comes, immediate one", planned_for_now, revoke_due_now, revoke, revoked_at_once),
    Race("revocations on two days", active, plan, plan_later, one_day, frozenset({Code.REVOCATION_PENDING})),
    Race(
        "planned revocation that comes, given up", planned_for_now, revoke_due_now, give_up, done_or_given_up,
        frozenset({Code.REVOCATION_NOT_PENDING}),
    ),
    Race("right ended, page registered", a_page, end_the_right, register_the_page, judged_by_one_right),
    Race(
        "right ended, withdrawal", waiting, end_the_right, withdraw, withdrawn_by_right,
        frozenset({Code.HABILITATION_MISSING}),
    ),
)  # fmt: skip
"""Of each the first and the second act may come first."""
