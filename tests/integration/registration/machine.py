"""Actors who do what comes into their heads, on both canals: each answer and each row is held against the model."""

from __future__ import annotations

import re
from collections import defaultdict
from copy import deepcopy
from datetime import UTC, datetime, time, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from batch.delegates.seals import seal
from batch.lists.crls import publish
from registration.acteurs.habilitations import end
from registration.life.fermetures import close, reopen
from registration.retraits.overdue import end_overdue
from registration.revocation.due import revoke_due
from registration.revocation.revoking import revoke_of_demandes
from registration.revocation_views import RevocationCriteria
from registration.views import SearchCriteria
from registration.vocabulary import Canal, EtatLot, EtatProduit, Motif, Offre, Usage
from storage import tables
from tests.integration.registration.model import Demande, Model, Revocation, Right, Step
from tests.integration.registration.renewing import renewal
from tests.integration.registration.stage import (
    CANAL,
    CODES,
    ITEM,
    KEY,
    LONGEST,
    NOTHING,
    PARIS,
    PATTERNS,
    PEOPLE,
    PICK,
    RIGHTS,
    WHO,
    Acting,
    Stage,
    assert_told,
    renewal_xml,
    told,
    wanted,
)
from tests.integration.ws.test_canal import as_xml
from tests.support.acteurs import AGENT, ALL_SENDERS, CLINIQUE, HOPITAL, MEDECIN
from tests.support.invariants import breaches
from tests.support.produits import CODE, conditions
from tests.unit.ws.messages import body_of, envelope, request


class Machine(Acting, RuleBasedStateMachine):
    """Each rule asks the model what must be told, acts, compares, and tells the model what numbers came out."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.world = stage, stage.renew()
        held = {name: {(offre, structure) for offre, structure, _ in ALL_SENDERS[name].habilitations} for name in WHO}
        self.model = Model(now=self.world.clock.now, rights=held)
        self.lots, self.last = 0, self.model.now + LONGEST

    @initialize()
    def begins_in_the_middle(self) -> None:
        """Most of what can happen to a certificate begins with one in use: there are some, and some that wait."""
        kinds = ("org", "pro", "serv", "ps", "org", "org")
        for key, kind in enumerate(kinds):
            who = "dr-leroux" if key % 2 else "dpi-acacias"
            mail, bearer = f"{kind}@acacias.example", AGENT if key % 2 else MEDECIN
            if kind == "ps":
                self.places_one_on_the_portal("dr-leroux", (kind, mail, bearer, key))
            else:
                self.deposits_a_lot(who, [(kind, mail, bearer, key)])
        self.the_batch_works()
        for _ in range(len(kinds) - 2):
            self.its_sender_withdraws(1)

    # --- asking ---

    @rule(who=PEOPLE, items=st.lists(ITEM, min_size=1, max_size=3, unique_by=lambda item: item[3]))
    def deposits_a_lot(self, who: str, items: list[tuple[str, str, str, int]]) -> None:
        sender = WHO[who]
        asked = [(wanted(kind, sender, mail, bearer), key) for kind, mail, bearer, key in items]
        # Each item is judged against those before it: a model of its own takes them one by one.
        trial, expected = deepcopy(self.model), []
        for place, (one, key) in enumerate(asked):
            expected.append(trial.ask(sender, Canal.WS, one, key))
            trial.enter(Canal.WS, Demande(-place, sender, one, key), min(expected[-1], default=None))
        entered = self._deposit(sender, [as_xml(self._form(one, key)) for one, key in asked], expected)
        for (one, key), (lot_, numero, code) in zip(asked, entered, strict=False):
            self.model.enter(Canal.WS, Demande(numero, sender, one, key, lot_), code)

    @rule(who=PEOPLE, item=ITEM)
    def places_one_on_the_portal(self, who: str, item: tuple[str, str, str, int]) -> None:
        kind, mail, bearer, key = item
        sender, one = WHO[who], wanted(kind, WHO[who], mail, bearer)
        if sender.ident is None:
            return
        expected = self.model.ask(sender, Canal.IHM, one, key)
        if one.offre is Offre.ORG:
            page = self.stage.session(who).get(f"{self.stage.portal}/demander").text
            may_ask_somewhere = any(self.model.administers(sender, Offre.ORG, where) for where in (HOPITAL, CLINIQUE))
            assert ('name="offre" value="ORG"' in page) is may_ask_somewhere
            if not may_ask_somewhere:  # there is no form to send
                return
            code, numero = self._by_the_form(sender, one, key, page)
        else:
            form = self._form(one, key)
            code, numero = told(lambda: self.world.ra.demandes.submit(self.world.origin(who, Canal.IHM), form))
        if expected and one.offre is Offre.ORG:
            # The first step asks for the right before the third one looks at the product.
            expected = expected | {"ERR_IHM_026"}
        assert_told(code, expected)
        if code is None:
            self.model.enter(Canal.IHM, Demande(numero, sender, one, key), None)

    @precondition(lambda self: self.model.demandes)
    @rule(who=PEOPLE, number=PICK, key=KEY, canal=CANAL)
    def renews(self, who: str, number: int, key: int, canal: Canal) -> None:
        sender, old = WHO[who], self._pick(number, EtatProduit.ACTIF)
        if canal is Canal.IHM and sender.ident is None:
            return
        expected = self.model.renew(sender, canal, old, key)
        known = self.model.knows(sender, old)
        what = old.wanted if known else NOTHING
        if canal is Canal.WS:
            for lot_, numero, code in self._deposit(sender, [renewal_xml(old.numero, key)], [expected]):
                self.model.enter(canal, Demande(numero, sender, what, key, lot_, old.numero if known else None), code)
            return
        form = renewal(old.numero, key)
        code, numero = told(lambda: self.world.ra.demandes.submit(self.world.origin(who, canal), form))
        assert_told(code, expected)
        if code is None:
            self.model.enter(canal, Demande(numero, sender, what, key, None, old.numero), None)

    # --- until it is withdrawn ---

    @precondition(lambda self: self.model.demandes)
    @rule(who=PEOPLE, number=PICK, code=st.sampled_from(CODES), canal=CANAL)
    def withdraws(self, who: str, number: int, code: str, canal: Canal) -> None:
        self._withdraw(who, self._pick(number), code, canal)

    def _withdraw(self, who: str, one: Demande, code: str, canal: Canal) -> None:
        expected = self.model.withdraw(WHO[who], canal, one, code)
        if canal is Canal.WS:
            said = f"<l:codeRevocation>{code}</l:codeRevocation><l:confirmation>{code}</l:confirmation>"
            given = f"<l:conditions>{said}<l:acceptationCgu>true</l:acceptationCgu></l:conditions>"
            answer = self._message(who, "retirerDemande", f"<l:numeroDemande>{one.numero}</l:numeroDemande>{given}")
        else:
            origin = self.world.origin(who, canal)
            answer, _ = told(lambda: self.world.ra.retraits.withdraw(origin, one.numero, conditions(code)))
        assert answer == expected

    @precondition(lambda self: self.model.demandes)
    @rule(number=PICK)
    def its_sender_withdraws(self, number: int) -> None:
        one = self._pick(number, EtatProduit.A_RETIRER)
        self._withdraw(one.sender.name, one, CODE, Canal.WS)

    @precondition(lambda self: self.model.demandes)
    @rule(who=PEOPLE, number=PICK, canal=CANAL)
    def cancels(self, who: str, number: int, canal: Canal) -> None:
        one = self._pick(number)
        expected = self.model.cancel(WHO[who], canal, one)
        if canal is Canal.WS:
            answer = self._message(who, "annulerDemande", f"<l:numeroDemande>{one.numero}</l:numeroDemande>")
        else:
            answer, _ = told(lambda: self.world.ra.demandes.cancel(self.world.origin(who, canal), one.numero))
        assert answer == expected

    @precondition(lambda self: any(one.lot for one in self.model.demandes.values()))
    @rule(who=PEOPLE, number=PICK)
    def cancels_a_lot(self, who: str, number: int) -> None:
        lots = [lot_ for lot_, _, _ in self.model.lots()]
        index = lots[number % len(lots)]
        expected = self.model.cancel_lot(WHO[who], Canal.WS, index)
        assert self._message(who, "annulerLot", f"<l:indexLot>{index}</l:indexLot>") == expected

    # --- revocations ---

    @precondition(lambda self: self.model.demandes)
    @rule(who=PEOPLE, number=PICK, canal=CANAL, days=st.sampled_from([None, None, 2, 5]), stolen=st.booleans())
    def revokes(self, who: str, number: int, canal: Canal, days: int | None, *, stolen: bool) -> None:
        actor, one = WHO[who], self._pick(number, EtatProduit.ACTIF)
        motif = Motif.VOL if stolen and days is None else Motif.FIN_ACTIVITE
        chosen = None if days is None else (self.model.now.astimezone(PARIS) + timedelta(days=days)).date()
        day = None if chosen is None else datetime.combine(chosen, time(), PARIS).astimezone(UTC)
        expected = self.model.revoke(actor, one, motif, day)
        role = "ADMINISTRATEUR" if self.model.roles(actor, one) > 1 else None
        answer, numero = self._revoke(who, canal, one.numero, motif, chosen, role)
        assert answer == expected
        is_new = numero is not None and numero not in self.model.revocations
        assert is_new is (answer in {"REVOQUE", "RAISON_CHANGEE"} or (answer == "PROGRAMMEE" and one.plan is None))
        if is_new:
            self.model.record(canal, one, Revocation(numero or 0, one.numero, motif, day, answer))

    @precondition(lambda self: self.model.revocations)
    @rule(who=PEOPLE, number=PICK, canal=CANAL)
    def gives_a_revocation_up(self, who: str, number: int, canal: Canal) -> None:
        numeros = sorted(self.model.revocations)
        numero = numeros[number % len(numeros)]
        expected = self.model.give_up(WHO[who], canal, self.model.revocations[numero])
        if canal is Canal.WS:
            named = f"<l:numeroRevocation>{numero}</l:numeroRevocation>"
            answer = self._message(who, "abandonnerRevocation", named)
        else:
            answer, _ = told(lambda: self.world.ra.revocations.give_up(self.world.origin(who, canal), numero))
        assert answer == expected

    # --- the plateforme and its operator ---

    @rule()
    def the_batch_works(self) -> None:
        self.world.run_batch()
        self.model.sign()

    @rule(hours=st.sampled_from([1, 60, 130]))
    def time_passes(self, hours: int) -> None:
        """The batch seals and publishes all the while; today, by which rights are judged, never comes."""
        if self.model.now + timedelta(hours=hours) > self.last:
            return
        context = self.world.context
        for _ in range(2):  # the first one's key is told in lines that come after it
            seal(context)
        self.model.now = self.world.clock.advance(hours=hours)
        for name in self.world.hierarchy.signers:
            publish(context, name)

    @rule()
    def limits_and_days_are_looked_at(self) -> None:
        end_overdue(self.world.db, self.world.clock)
        self.model.pass_limits()
        revoke_due(self.world.db, self.world.clock)
        self.model.do_due()

    @precondition(lambda self: any(one.produit for one in self.model.demandes.values()))
    @rule(number=PICK)
    def the_operator_revokes(self, number: int) -> None:
        signed = [one for one in self.model.demandes.values() if one.produit]
        one = signed[number % len(signed)]
        with self.world.db.write() as session:
            revoke_of_demandes(session, [one.numero], "cessationOfOperation", self.world.clock(), "essai")
        self.model.revoke_as_operator(one)

    @rule(who=PEOPLE, right=st.sampled_from(RIGHTS), comes_back=st.booleans())
    def a_right_is_given_or_ends(self, who: str, right: Right, *, comes_back: bool) -> None:
        if comes_back and right in self.model.rights[who]:
            return
        held, (offre, structure) = self.model.rights[who], right
        if right not in held:
            self.world.grant(who, offre, structure, PATTERNS[offre])
            held.add(right)
            return
        ident, row = self.world.acteurs[who].id, tables.Habilitation
        which = (row.id_acteur == ident, row.offre == offre.value, row.id_structure == structure)
        with self.world.db.write() as session:
            for domaine in session.scalars(select(row.domaine).where(*which, row.motif_fin.is_(None))).all():
                end(session, ident, (offre, structure, domaine), self.world.clock(), "essai")
        held.remove(right)

    @rule(produit=st.sampled_from([(Offre.ORG, Usage.SIGN), (Offre.PRO, Usage.SIGN)]))
    def a_product_is_closed_or_opened(self, produit: tuple[Offre, Usage]) -> None:
        known, now = (produit[0], produit[1].value), self.world.clock()
        with self.world.db.write() as session:
            if known in self.model.closed:
                assert reopen(session, self.world.plateforme, produit, now, "essai")
            else:
                assert close(session, self.world.plateforme, produit, now, "essai", None)
        self.model.closed ^= {known}

    # --- reading ---

    @rule(who=PEOPLE)
    def searches(self, who: str) -> None:
        seen = self.model.seen_by(WHO[who])
        given = "<l:criteres><l:offre>TOUTES</l:offre></l:criteres><l:taille>500</l:taille>"
        answer = self.stage.door.post(envelope(request("rechercherDemandes", given)), who)[1]
        assert {int(one.text or 0) for one in body_of(answer).iter("{*}numeroDemande")} == seen
        if WHO[who].ident is not None:
            csv = self.stage.session(who).get(f"{self.stage.portal}/suivi/demandes.csv?offre=TOUTES").text
            assert {int(number) for number in re.findall(r"^\W*(\d+)", csv, re.MULTILINE)} == seen

    @precondition(lambda self: self.model.demandes)
    @rule(who=PEOPLE, number=PICK)
    def reads(self, who: str, number: int) -> None:
        one, reader = self._pick(number), WHO[who]
        answer = self._message(who, "consulterDemande", f"<l:numeroDemande>{one.numero}</l:numeroDemande>")
        shown = one.code if self.model.follows(reader, one) else "ERR_IHM_026"
        assert answer == (shown if self.model.knows(reader, one) else "ERR_WS_032")

    # --- what holds at every moment ---

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        """Every etat, code, result and line of history; who sees what; how a lot stands."""
        self._compare_rows()
        self._compare_sight()
        self._compare_lots()

    def _compare_rows(self) -> None:
        row, line, asked = tables.Demande, tables.Historique, tables.DemandeRevocation
        rows = self.world.rows(select(row.id, row.etat, row.etat_produit, row.code_erreur, row.renouvelle))
        assert {numero: tuple(rest) for numero, *rest in rows} == {
            one.numero: (one.etat, one.produit, one.code, one.renews) for one in self.model.demandes.values()
        }
        revocations = self.world.rows(select(asked.id, asked.etat, asked.resultat))
        assert {numero: tuple(rest) for numero, *rest in revocations} == {
            one.numero: (one.etat, one.resultat) for one in self.model.revocations.values()
        }
        steps: dict[int, list[Step]] = defaultdict(list)
        for numero, *step in self.world.rows(
            select(line.id_demande, line.canal, line.code_action, line.etat).order_by(line.id)
        ):
            steps[numero].append((step[0], step[1], step[2]))
        known: list[Demande | Revocation] = [*self.model.demandes.values(), *self.model.revocations.values()]
        assert steps == {one.numero: one.steps for one in known}

    def _compare_sight(self) -> None:
        for name, who in WHO.items():
            acteur, seen = self.world.acteurs[name], self.model.seen_by(who)
            found = self.world.ra.demandes.search(acteur, SearchCriteria(all_offres=True), limit=500).demandes
            assert {one.numero for one in found} == seen, name
            asked = self.world.ra.revocations.search(acteur, RevocationCriteria(), limit=500).revocations
            mine = {one.numero for one in self.model.revocations.values() if one.demande in seen}
            assert {one.numero for one in asked} == mine, name

    def _compare_lots(self) -> None:
        for index, sender, counts in self.model.lots():
            follow = self.world.ra.lots.follow(self.world.acteurs[sender.name], index=index)
            assert {etat: number for etat, number in follow.counts.items() if number} == counts
            assert (follow.etat is EtatLot.TERMINE) is self.model.is_done(index)

    def teardown(self) -> None:
        """An end like any other day: the batch has done its work, the lists are out, and the auditor finds no fault."""
        if self.model.demandes:
            self.the_batch_works()
            self.limits_and_days_are_looked_at()
            self.last += timedelta(hours=1)
            self.time_passes(1)
            self.all_is_as_the_model_says()
        found = [*breaches(self.world.db), *self.stage.audited(self.world)]
        assert found == [], found
