"""What must become of demandes, certificates and revocations, said a second time: short, in memory, without the rules.

It knows the guide and domain.md and none of the product's code but the words of its vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from registration.vocabulary import Canal, EtatDemande, EtatProduit, EtatRevocation, Motif, Offre

E, P, R = EtatDemande, EtatProduit, EtatRevocation
Step = tuple[str, str, str]
"""Canal, code action and etat of a line of the history."""
Right = tuple[Offre, str]
SYSTEM = Canal.SYSTEM.value
CANCELLABLE = {E.ENREGISTREE, E.VALIDEE, E.TRANSMISE}
STOLEN, ENDED = "keyCompromise", "cessationOfOperation"
RAISONS = {Motif.VOL: STOLEN, Motif.PERTE: STOLEN, Motif.FIN_ACTIVITE: ENDED, Motif.AUTRE: "unspecified"}
DELAY = timedelta(days=10)


@dataclass(frozen=True)
class Who:
    """Somebody who acts: ``ident`` is the person's national id, None for an application."""

    name: str
    ident: str | None
    is_ps: bool


@dataclass(frozen=True)
class Wanted:
    """What a form asks for. ``offre`` None is that of a renewal whose product its sender may not know of."""

    offre: Offre | None
    usage: str
    structure: str | None
    beneficiaire: str | None
    address: str | None

    @property
    def porteur(self) -> str | None:
        return self.beneficiaire if self.offre in {Offre.PS, Offre.PRO} else self.structure


@dataclass
class Demande:
    """A demande and its certificate. ``kept`` is the code of its withdrawal, ``plan`` the revocation that waits."""

    numero: int
    sender: Who
    wanted: Wanted
    key: int
    lot: int | None = None
    renews: int | None = None
    etat: EtatDemande = E.ENREGISTREE
    steps: list[Step] = field(default_factory=list)
    code: str | None = None
    produit: EtatProduit | None = None
    limit: datetime | None = None
    kept: str | None = None
    raison: str | None = None
    plan: int | None = None

    @property
    def is_validated(self) -> bool:
        return self.etat is not E.REJETEE

    @property
    def is_live(self) -> bool:
        return self.etat in CANCELLABLE or self.produit is P.ACTIF

    def take(
        self, canal: str, action: str, etat: EtatDemande | None = None, produit: EtatProduit | None = None
    ) -> None:
        self.etat, self.produit = etat or self.etat, produit or self.produit
        self.steps.append((canal, action, self.etat.value))


@dataclass
class Revocation:
    """A demande de révocation."""

    numero: int
    demande: int
    motif: Motif
    day: datetime | None
    resultat: str
    etat: EtatRevocation = R.VALIDEE
    steps: list[Step] = field(default_factory=list)

    def end(self, canal: str, action: str, etat: EtatRevocation, resultat: str) -> None:
        self.etat, self.resultat = etat, resultat
        self.steps.append((canal, action, etat.value))


@dataclass
class Model:
    """Everything there is; each act says what its actor must be told, and is then told what numbers were given."""

    now: datetime
    rights: dict[str, set[Right]]
    demandes: dict[int, Demande] = field(default_factory=dict)
    revocations: dict[int, Revocation] = field(default_factory=dict)
    closed: set[tuple[Offre, str]] = field(default_factory=set)

    # --- rights ---

    def administers(self, who: Who, offre: Offre | None, structure: str | None) -> bool:
        held = self.rights[who.name]
        return (offre, structure) in held or (offre is Offre.ORG and (Offre.SERV, structure) in held)

    def bears(self, who: Who, wanted: Wanted) -> bool:
        return who.ident is not None and wanted.offre in {Offre.PS, Offre.PRO} and wanted.beneficiaire == who.ident

    def may_ask(self, who: Who, wanted: Wanted) -> bool:
        if wanted.offre is Offre.PS:
            return who.is_ps and wanted.beneficiaire == who.ident
        return self.administers(who, wanted.offre, wanted.structure)

    def follows(self, who: Who, one: Demande) -> bool:
        wanted = one.wanted
        if one.is_validated:
            return self.administers(who, wanted.offre, wanted.structure) or self.bears(who, wanted)
        if one.sender != who:
            return False
        if wanted.offre is None:
            return who.is_ps or bool(self.rights[who.name])
        return wanted.beneficiaire == who.ident if wanted.offre is Offre.PS else self.may_ask(who, wanted)

    def knows(self, who: Who, one: Demande) -> bool:
        return one.sender == who or self.follows(who, one)

    def seen_by(self, who: Who) -> set[int]:
        return {one.numero for one in self.demandes.values() if self.follows(who, one)}

    # --- asking ---

    def whole_lot(self, who: Who) -> str | None:
        """Why nothing at all is taken of this sender."""
        if self.rights[who.name] or who.is_ps:
            return None
        return "ERR_WS_025" if who.ident is None else "ERR_IHM_026"

    def ask(self, who: Who, canal: Canal, wanted: Wanted, key: int) -> set[str]:
        """The codes of which one must be told; none when it is taken."""
        if (wanted.offre, wanted.usage) in self.closed:
            return {"ERR_IHM_019"}
        if not self.may_ask(who, wanted):
            return {self._no_right(who, canal, wanted)}
        return self._claims(wanted, key)

    def renew(self, who: Who, canal: Canal, old: Demande, key: int) -> set[str]:
        if not self.knows(who, old):
            return {"ERR_WS_032"}
        if old.etat is E.REJETEE:
            return {"ERR_WS_044"}
        may_ask = self.may_ask(who, old.wanted)
        if may_ask and (old.produit is not P.ACTIF or old.plan is not None):
            return {"ERR_WS_044"}
        is_taken = any(one.renews == old.numero and one.is_live for one in self.demandes.values())
        if may_ask and is_taken and (old.wanted.offre, old.wanted.usage) not in self.closed:
            return {"ERR_WS_045"}
        return self.ask(who, canal, old.wanted, key)

    def _no_right(self, who: Who, canal: Canal, wanted: Wanted) -> str:
        holds_another = any(structure == wanted.structure for _, structure in self.rights[who.name])
        lost = canal is Canal.IHM and wanted.offre is not Offre.PS and holds_another
        return "ERR_IHM_020" if lost else "ERR_IHM_026"

    def _claims(self, wanted: Wanted, key: int) -> set[str]:
        told = set()
        if any(one.key == key and one.etat is not E.REJETEE for one in self.demandes.values()):
            told.add("ERR_IHM_007")
        if wanted.address is not None and any(
            one.is_live and one.wanted.address == wanted.address and one.wanted.porteur != wanted.porteur
            for one in self.demandes.values()
        ):
            told.add("ERR_IHM_064")
        return told

    def enter(self, canal: Canal, one: Demande, told: str | None) -> None:
        """What was asked for, with the number that it got and the code that it was told."""
        one.steps.append((canal.value, "ACT_DCL_001", E.ENREGISTREE.value))
        one.code = told
        one.take(canal.value, "ACT_DCL_004" if told else "ACT_DCL_005", E.REJETEE if told else E.VALIDEE)
        self.demandes[one.numero] = one
        if one.renews is not None and told is None:
            self.demandes[one.renews].take(canal.value, "ACT_RNV_001")

    # --- until it is withdrawn ---

    def sign(self) -> None:
        for one in self.demandes.values():
            if one.etat is E.VALIDEE:
                one.take(SYSTEM, "ACT_IGC_003", E.TRANSMISE)
                one.take(SYSTEM, "ACT_IGC_004", produit=P.A_RETIRER)
                one.limit = self.now + DELAY

    def withdraw(self, who: Who, canal: Canal, one: Demande, code: str) -> str | None:
        refusal = self._right_to_withdraw(who, one) or self._state_to_withdraw(one, code)
        if refusal is None and one.produit is P.A_RETIRER:
            one.kept = code
            one.take(canal.value, "ACT_RET_001", E.CLOSE, P.ACTIF)
        return refusal

    def _right_to_withdraw(self, who: Who, one: Demande) -> str | None:
        if not self.knows(who, one):
            return "ERR_WS_032"
        if one.sender != who:
            return "ERR_IHM_017"
        return None if self.may_ask(who, one.wanted) else "ERR_IHM_026"

    def _state_to_withdraw(self, one: Demande, code: str) -> str | None:
        if one.etat in CANCELLABLE and one.produit is None:
            return "ERR_WS_033"
        if one.code == "ERR_IHM_013":
            return "ERR_IHM_013"
        if one.produit not in {P.A_RETIRER, P.ACTIF}:
            return "ERR_WS_034"
        is_late = one.produit is P.A_RETIRER and one.limit is not None and one.limit <= self.now
        return "ERR_IHM_013" if is_late or (one.produit is P.ACTIF and one.kept != code) else None

    def cancel(self, who: Who, canal: Canal, one: Demande) -> str | None:
        if not self.knows(who, one):
            return "ERR_WS_032"
        if not self.may_ask(who, one.wanted):
            return "ERR_IHM_026"
        if one.etat is E.ANNULEE:
            return None
        if one.etat not in CANCELLABLE:
            return "ERR_WS_035"
        self._end(one, canal.value, "ACT_DCL_006")
        return None

    def cancel_lot(self, who: Who, canal: Canal, lot: int) -> str | None:
        known = [one for one in self.demandes.values() if one.lot == lot and self.knows(who, one)]
        if not known:
            return "ERR_WS_031"
        open_ones = [one for one in known if one.etat in CANCELLABLE]
        mine = [one for one in open_ones if self.may_ask(who, one.wanted)]
        if open_ones and not mine:
            return "ERR_IHM_026"
        for one in mine:
            self._end(one, canal.value, "ACT_DCL_006")
        return None

    def _end(self, one: Demande, canal: str, action: str) -> None:
        had_certificate = one.produit is P.A_RETIRER
        one.take(canal, action, E.ANNULEE)
        if had_certificate:
            one.raison = ENDED
            one.take(SYSTEM, "ACT_IGC_006", produit=P.REVOQUE)

    def pass_limits(self) -> None:
        for one in self.demandes.values():
            if one.produit is P.A_RETIRER and one.limit is not None and one.limit <= self.now:
                one.code = "ERR_IHM_013"
                self._end(one, SYSTEM, "ACT_IGC_008")

    # --- revocations ---

    def roles(self, who: Who, one: Demande) -> int:
        is_administrateur = one.wanted.offre is not Offre.PS and self.may_ask(who, one.wanted)
        return int(self.bears(who, one.wanted)) + int(is_administrateur)

    def revoke(self, who: Who, one: Demande, motif: Motif, day: datetime | None) -> str:
        """The code of a refusal, or the result; ``PROGRAMMEE`` may be that of before."""
        if not self.knows(who, one) or one.wanted.offre is None:
            return "ERR_WS_032"
        if not self.roles(who, one):
            return "ERR_IHM_026"
        if one.produit in {None, P.A_RETIRER}:
            return "ERR_WS_061" if one.etat in CANCELLABLE else "ERR_WS_062"
        if one.produit is P.REVOQUE:
            return "RAISON_CHANGEE" if RAISONS[motif] == STOLEN != one.raison else "DEJA_REVOQUE"
        if day is None:
            return "REVOQUE"
        waiting = self.revocations.get(one.plan or 0)
        return "PROGRAMMEE" if waiting is None or (waiting.motif, waiting.day) == (motif, day) else "ERR_WS_067"

    def record(self, canal: Canal, one: Demande, entered: Revocation) -> None:
        """A revocation that was entered, with its number and result."""
        recorded = [(canal.value, "ACT_REV_001", etat.value) for etat in (R.ENREGISTREE, R.VALIDEE)]
        entered.steps[:] = recorded
        self.revocations[entered.numero] = entered
        if entered.resultat == "PROGRAMMEE":
            one.plan = entered.numero
            return
        entered.end(SYSTEM, "ACT_IGC_007", R.CLOSE, entered.resultat)
        self._revoked(one, RAISONS[entered.motif])

    def _revoked(self, one: Demande, raison: str) -> None:
        one.raison = raison
        if one.plan is not None:
            self.revocations[one.plan].end(SYSTEM, "ACT_IGC_007", R.CLOSE, "REMPLACEE")
            one.plan = None
        if one.produit is not P.REVOQUE:
            one.take(SYSTEM, "ACT_IGC_006", produit=P.REVOQUE)

    def revoke_as_operator(self, one: Demande) -> None:
        if one.produit is P.A_RETIRER:
            self._end(one, SYSTEM, "ACT_DCL_006")
        elif one.produit is P.ACTIF:
            self._revoked(one, ENDED)

    def give_up(self, who: Who, canal: Canal, waiting: Revocation) -> str | None:
        one = self.demandes[waiting.demande]
        if not self.knows(who, one):
            return "ERR_WS_064"
        if not self.roles(who, one):
            return "ERR_IHM_026"
        if waiting.resultat == "ABANDONNEE":
            return None
        if waiting.etat is not R.VALIDEE:
            return "ERR_WS_065"
        waiting.end(canal.value, "ACT_REV_002", R.NON_TRAITEE, "ABANDONNEE")
        one.plan = None
        return None

    def do_due(self) -> None:
        for waiting in self.revocations.values():
            if waiting.etat is R.VALIDEE and waiting.day is not None and waiting.day <= self.now:
                one = self.demandes[waiting.demande]
                waiting.end(SYSTEM, "ACT_IGC_007", R.CLOSE, "REVOQUE")
                one.plan = None
                self._revoked(one, RAISONS[waiting.motif])

    # --- lots ---

    def lots(self) -> Iterator[tuple[int, Who, Counter[EtatDemande]]]:
        for lot in sorted({one.lot for one in self.demandes.values() if one.lot is not None}):
            items = [one for one in self.demandes.values() if one.lot == lot]
            yield lot, items[0].sender, Counter(one.etat for one in items)

    def is_done(self, lot: int) -> bool:
        items = [one for one in self.demandes.values() if one.lot == lot]
        return not any(one.etat in CANCELLABLE and one.produit is None for one in items)
