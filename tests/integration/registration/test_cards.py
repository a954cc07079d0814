"""A card is its bearer, whom nobody registers: he comes in, acts, changes his card, and stays who he is."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from audit.context import Audit
from audit.lots.counts import check_counts
from audit.lots.members import check_lots
from audit.lots.renewals import check_renewals
from audit.reading.authorities import load_authorities
from audit.trail.asked import check_asked
from audit.trail.history import check_history
from audit.trail.lines import check_trail
from batch.issuing.own_certificates import enroll
from pki.certificates.content import CertificateContent
from registration.acteurs.granting import Step, Wanted, settle_one
from registration.acteurs.habilitations import Terms
from registration.acteurs.porteurs import enter
from registration.errors import AccessError, Code, IgcError, NotFoundError
from registration.values import UNSEEN, Origin
from registration.views import LotReceipt
from registration.vocabulary import Canal, EtatDemande, Offre, TypeActeurInscrit
from storage import tables
from tests.support.acteurs import ALL_SENDERS, HOPITAL, MEDECIN
from tests.support.cards import NEWCOMER, enter_in_directory, identified, new_card, origin_of
from tests.support.concurrency import overtake, together
from tests.support.databases import count_rows, statements
from tests.support.produits import conditions, lot
from tests.support.world import World, identite_of

CARDS, PERSONS, APPLICATIONS = "ACI-CARTES-TEST", "ACI-EL-PP-TEST", "ACI-EL-ORG-TEST"
STAFF = "30B0990011/CPE045"


@pytest.fixture
def guarded(world: World) -> World:
    """A world with a current CRL of each authority that issues to clients."""
    world.publish_crls(CARDS, PERSONS, APPLICATIONS)
    return world


def acteurs(world: World, ident: str) -> list[tables.Acteur]:
    return world.values(select(tables.Acteur).where(tables.Acteur.id_national == ident))


def audited(world: World) -> list[str]:
    audit = Audit(
        db=world.db,
        authorities=load_authorities(world.hierarchy.authorities_dir),
        publication_dir=world.hierarchy.authorities_dir,
        crl_refresh=timedelta(hours=1),
        clock=world.clock,
    )
    check_trail(audit)
    check_history(audit)
    check_asked(audit)
    check_lots(audit)
    check_renewals(audit)
    check_counts(audit)
    return [f"{one.subject} : {one.text}" for one in audit.report.findings]


def refused(world: World, der: bytes) -> Code:
    with pytest.raises(AccessError) as caught:
        identified(world, der)
    return caught.value.code


@pytest.mark.parametrize(
    ("product", "ident", "kind"),
    [
        ("CPS_AUTH", NEWCOMER, "PS"),
        ("CPF_AUTH", NEWCOMER, "PF"),
        ("CPE_AUTH", STAFF, "PE"),
        ("CPA_AUTH", STAFF, "PA"),
    ],
)
def test_a_card_comes_in_without_any_row_and_leaves_none(guarded: World, product: str, ident: str, kind: str) -> None:
    der = new_card(guarded, product, ident).der
    before = count_rows(guarded.db)
    caller = identified(guarded, der)
    acteur = caller.acteur
    assert (acteur.id, acteur.id_national, acteur.type_personne) == (UNSEEN, ident, kind)
    assert (acteur.type_acteur, acteur.libelle, caller.to_enter) == (TypeActeurInscrit.PERSONNE, "NOUVEL ALIX", True)
    with pytest.raises(NotFoundError):
        guarded.ra.lots.follow(acteur, reference="lot-1")
    with pytest.raises(NotFoundError):
        guarded.ra.demandes.read(acteur, 1)
    assert guarded.ra.acteurs.allowed_structures(acteur) == ()
    assert Offre.ORG not in guarded.ra.acteurs.offres(acteur)
    assert count_rows(guarded.db) == before


def test_one_round_of_statements_says_who_a_card_is(guarded: World) -> None:
    der = new_card(guarded).der
    acteurs = guarded.ra.acteurs
    acteurs.identify(der)
    with statements(guarded.db.engine) as sent:
        acteurs.identify(der)
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1


def test_the_first_act_enters_its_bearer_and_is_told(guarded: World) -> None:
    enter_in_directory(guarded)
    enrolled = new_card(guarded)
    origin = origin_of(guarded, enrolled.der)
    form = guarded.form("PS_AUTH")
    index = guarded.ra.lots.submit(origin, lot("lot-1", form)).index
    (row,) = acteurs(guarded, NEWCOMER)
    assert (row.type_acteur, row.type_personne, row.libelle) == ("PERSONNE", "PS", "NOUVEL ALIX")
    caller = identified(guarded, enrolled.der)
    assert (caller.acteur.id, caller.to_enter) == (row.id, False)
    # The same message again, as of one who lost the answer: the origin was made before there was a row.
    again = guarded.ra.lots.submit(origin, lot("lot-1", form))
    assert (again.index, again.already_known) == (index, True)
    guarded.run_batch()
    assert guarded.ra.retraits.withdraw_page(origin_of(guarded, enrolled.der), index, conditions()).retraits
    assert guarded.etats(index) == [EtatDemande.CLOSE]
    assert len(acteurs(guarded, NEWCOMER)) == 1
    assert audited(guarded) == []


def test_a_replaced_card_is_the_same_acteur(guarded: World) -> None:
    enter_in_directory(guarded)
    first, second = new_card(guarded), new_card(guarded)
    index = guarded.ra.lots.submit(origin_of(guarded, first.der), lot("lot-1", guarded.form("PS_AUTH"))).index
    guarded.run_batch()
    caller = identified(guarded, second.der)
    assert (caller.acteur, caller.to_enter) == (identified(guarded, first.der).acteur, True)
    assert guarded.ra.lots.follow(caller.acteur, index=index).nombre == 1
    assert guarded.ra.retraits.withdraw_page(origin_of(guarded, second.der), index, conditions()).retraits
    (numero,) = guarded.numeros(index)
    lines = guarded.rows(
        select(tables.Historique.serie, tables.Historique.acteur)
        .where(tables.Historique.id_demande == numero, tables.Historique.canal == Canal.WS.value)
        .order_by(tables.Historique.id)
    )
    assert {line.serie for line in lines} == {identite_of(first).serie, identite_of(second).serie}
    assert {line.acteur for line in lines} == {f"NOUVEL ALIX ({NEWCOMER})"}
    assert audited(guarded) == []


def test_who_has_another_card_has_its_rights_at_once(guarded: World) -> None:
    """A CPF opens offre PS to its bearer, and so does the CPS that follows; a CPE does not, whatever a row says."""
    enter_in_directory(guarded)
    for rank, (product, kind, may) in enumerate(
        (
            ("CPF_AUTH", "PF", True),
            ("CPS_AUTH", "PS", True),
            ("CPE_AUTH", "PE", False),
        )
    ):
        der = new_card(guarded, product).der
        assert identified(guarded, der).acteur.type_personne == kind
        form = guarded.form("PS_AUTH", key=rank)
        if may:
            index = guarded.ra.lots.submit(origin_of(guarded, der), lot(f"lot-{rank}", form)).index
            assert guarded.etats(index) == [EtatDemande.VALIDEE]
        else:
            with pytest.raises(AccessError):
                guarded.ra.lots.submit(origin_of(guarded, der), lot(f"lot-{rank}", form))
        (row,) = acteurs(guarded, NEWCOMER)
        assert row.type_personne == kind
    assert audited(guarded) == []


def test_the_type_in_the_row_decides_nothing(guarded: World) -> None:
    """Dr Leroux, registered as PS, presents a card of staff: he administers what he did, and is no PS any more."""
    der = new_card(guarded, "CPE_AUTH", MEDECIN, nom="LEROUX", prenom="CAMILLE").der
    caller = identified(guarded, der)
    assert (caller.acteur.id, caller.acteur.type_personne) == (guarded.acteurs["dr-leroux"].id, "PE")
    assert Offre.ORG in guarded.ra.acteurs.offres(caller.acteur)


def test_an_old_registration_of_a_card_stands_and_decides_nothing(guarded: World) -> None:
    mine = guarded.enroll_client("dr-leroux")
    assert identified(guarded, mine.der).acteur == guarded.acteurs["dr-leroux"]
    # A card that names somebody else than the row for which it was registered is who it names.
    other = guarded.enroll_client("dr-leroux", ALL_SENDERS["ide-marchand"].content)
    assert identified(guarded, other.der).acteur == guarded.acteurs["ide-marchand"]
    with guarded.db.write() as session:
        session.query(tables.Identite).update({"fin_le": guarded.clock()})
    assert identified(guarded, mine.der).acteur == guarded.acteurs["dr-leroux"]


def test_who_may_request_nothing_is_told_that_and_nothing_of_it_is_kept(guarded: World) -> None:
    """Table 6: a bearer has a right, so that he is neither unknown (024) nor without any (025); but not to request."""
    der = new_card(guarded, "CPE_AUTH", STAFF).der
    origin, forms = origin_of(guarded, der), guarded.forms(2)
    ra = guarded.ra
    before = count_rows(guarded.db)
    for act in (
        lambda: ra.lots.verify(origin, lot("lot-1", *forms)),
        lambda: ra.lots.submit(origin, lot("lot-1", *forms)),
        lambda: ra.demandes.submit(origin_of(guarded, der, Canal.IHM), forms[0]),
    ):
        with pytest.raises(IgcError) as caught:
            act()
        assert caught.value.code is Code.HABILITATION_MISSING
    after = count_rows(guarded.db)
    # Who tried to act is known from then on, and nothing else.
    entered = {name for name in after if after[name] != before[name]}
    assert entered == {"acteur", "identite", "piste_audit"}
    assert (after["acteur"], after["identite"]) == (before["acteur"] + 1, before["identite"] + 1)
    assert audited(guarded) == []


def test_bearing_is_following_and_nothing_more(guarded: World) -> None:
    """A certificate PRO that the administrator asked for: its bearer sees it and neither withdraws nor cancels it."""
    enter_in_directory(guarded, STAFF, "PE")
    with guarded.db.write() as session:
        session.add(tables.Rattachement(plateforme="TEST", id_structure=HOPITAL, id_personne=STAFF))
    index = guarded.issued(guarded.form("PRO_AUTH", beneficiaire=STAFF))
    (numero,) = guarded.numeros(index)
    origin = origin_of(guarded, new_card(guarded, "CPE_AUTH", STAFF).der)
    assert guarded.ra.demandes.read(origin.acteur, numero).historique
    for act in (
        lambda: guarded.ra.retraits.withdraw(origin, numero, conditions()),
        lambda: guarded.ra.demandes.cancel(origin, numero),
    ):
        with pytest.raises(AccessError):
            act()
    assert guarded.etats(index) == [EtatDemande.TRANSMISE]


def test_a_right_given_to_a_national_id_waits_for_its_bearer(guarded: World) -> None:
    ident = "899700990502"
    wanted = Wanted(step=Step.GRANT, acteur=ident, offre="ORG", structure=HOPITAL, terms=Terms(motif="essai"))
    assert "donnée" in settle_one(guarded.db, guarded.plateforme, wanted, guarded.clock())
    (row,) = acteurs(guarded, ident)
    assert (row.libelle, row.type_personne) == (ident, None)
    origin = origin_of(guarded, new_card(guarded, ident=ident).der)
    assert (origin.acteur.id, origin.acteur.libelle) == (row.id, "NOUVEL ALIX")
    assert Offre.ORG in guarded.ra.acteurs.offres(origin.acteur)
    index = guarded.ra.lots.submit(origin, lot("lot-1", guarded.form())).index
    assert guarded.etats(index) == [EtatDemande.VALIDEE]
    (row,) = acteurs(guarded, ident)
    assert (row.libelle, row.type_personne) == ("NOUVEL ALIX", "PS")
    assert audited(guarded) == []


def test_first_acts_at_the_same_moment_are_of_one_acteur(guarded: World) -> None:
    enter_in_directory(guarded)
    origin = origin_of(guarded, new_card(guarded).der)
    other = origin_of(guarded, new_card(guarded).der)
    ra = guarded.ra

    def deposit(rank: int) -> LotReceipt:
        form = guarded.form("PS_AUTH", key=rank)
        return ra.lots.submit(other if rank % 2 else origin, lot(f"lot-{rank}", form))

    done = together([partial(deposit, rank) for rank in range(6)])
    assert [one for one in done if isinstance(one, Exception)] == []
    (row,) = acteurs(guarded, NEWCOMER)
    assert set(guarded.values(select(tables.Lot.id_acteur))) == {row.id}
    told = select(func.count()).where(
        tables.PisteAudit.acte == "IDENTITE", tables.PisteAudit.contenu.contains(f'"acteur":{row.id},')
    )
    assert guarded.values(told) == [2]
    assert audited(guarded) == []


def test_one_who_is_entered_while_another_enters_him_waits_for_the_row(guarded: World) -> None:
    origin = origin_of(guarded, new_card(guarded).der)
    first, second = overtake(
        guarded.db,
        lambda: enter(guarded.db, origin, guarded.clock()),
        "INSERT INTO acteur",
        lambda: enter(guarded.db, origin, guarded.clock()),
    )
    (row,) = acteurs(guarded, NEWCOMER)
    assert (first.acteur.id, second.acteur.id, first.to_enter) == (row.id, row.id, False)
    assert audited(guarded) == []


# What is no card of ours.


def test_a_card_of_the_other_plateforme_is_told_so(guarded: World, production: World) -> None:
    production.publish_crls("ACI-CARTES")
    both = {**guarded.hierarchy.authorities, **production.hierarchy.authorities}
    guarded.recognised = production.recognised = both
    ours, theirs = new_card(guarded).der, new_card(production).der
    assert refused(guarded, theirs) is Code.CERTIFICATE_WRONG_PLATEFORME
    assert refused(production, ours) is Code.CERTIFICATE_WRONG_PLATEFORME
    there = identified(production, theirs).acteur
    assert (there.id_national, there.plateforme) == (NEWCOMER, production.plateforme)
    # What he does on one plateforme enters him there alone.
    enter(production.db, origin_of(production, theirs), production.clock())
    assert identified(guarded, ours).acteur.id == UNSEEN


def test_a_revoked_card_opens_nothing(guarded: World) -> None:
    enrolled = new_card(guarded)
    assert identified(guarded, enrolled.der).acteur.id_national == NEWCOMER
    with guarded.db.write() as session:
        session.query(tables.Certificat).filter_by(serial=identite_of(enrolled).serie).update(
            {"revoque_le": guarded.clock.now}
        )
    assert refused(guarded, enrolled.der) is Code.CERTIFICATE_REVOKED


@pytest.mark.parametrize(
    "ident",
    [
        "8997009900ll",  # letters that look like digits
        "89970099004\uff15",  # a full-width digit
        "\u0668\u0669\u0669\u0667\u0660\u0660\u0669\u0669\u0660\u0660\u0664\u0665",  # other digits
        "\u041e99700990045",  # a Cyrillic letter
        "899 700 990 045",
        "899700990045@x",
        "30b0990011/cpe045",
        "A99700990045",
        "8",
        "8" * 33,
    ],
)
def test_a_national_id_of_another_alphabet_is_nobodys(guarded: World, ident: str) -> None:
    assert refused(guarded, new_card(guarded, ident=ident).der) is Code.CERTIFICATE_REFUSED


@pytest.mark.parametrize(
    "content",
    [
        CertificateContent(
            product="ORG_AUTH_CLI", common_name=MEDECIN, state="Paris (75)", organization="X",
            organizational_unit=HOPITAL,
        ),
    ],
)  # fmt: skip
def test_a_certificate_that_calls_itself_by_an_id_is_nobody(guarded: World, content: CertificateContent) -> None:
    """An application is whom it was registered for; its service name is anybody's text."""
    enrolled = enroll(guarded.context, guarded.plateforme, content)
    assert refused(guarded, enrolled.der) is Code.ACTEUR_UNKNOWN
    guarded.enroll_client("inconnu", content)


def test_a_server_named_like_somebody_is_nobody(guarded: World) -> None:
    """SERV with a national id as service, asked for by an administrator: no client certificate at all."""
    index = guarded.issued(guarded.form("SERV_SIGN", service_applicatif=MEDECIN))
    guarded.ra.retraits.withdraw_page(guarded.origin(), index, conditions())
    der = guarded.certificat(guarded.numeros(index)[0]).der
    assert der is not None
    assert refused(guarded, der) is Code.CERTIFICATE_REFUSED


def withdrawn(world: World, origin: Origin, product: str, key: int = 40, **changes: str) -> bytes:
    """A certificate that ``origin`` asked for and withdrew."""
    index = world.ra.lots.submit(origin, lot(f"lot-{product}", world.form(product, key=key, **changes))).index
    world.run_batch()
    (retrait,) = world.ra.retraits.withdraw_page(origin, index, conditions()).retraits
    der = world.certificat(retrait.numero).der
    assert der is not None
    return der


def test_ones_own_software_certificate_is_oneself(guarded: World) -> None:
    enter_in_directory(guarded)
    origin = origin_of(guarded, new_card(guarded).der)
    der = withdrawn(guarded, origin, "PS_AUTH")
    caller = identified(guarded, der)
    assert caller.acteur == identified(guarded, new_card(guarded).der).acteur
    assert (caller.acteur.type_personne, caller.to_enter) == ("PS", True)
    second = guarded.ra.lots.submit(origin_of(guarded, der), lot("lot-2", guarded.form("PS_AUTH", key=41)))
    assert guarded.ra.lots.follow(caller.acteur, index=second.index).nombre == 1
    assert audited(guarded) == []


def test_a_certificate_asked_for_in_the_name_of_somebody_does_not_make_one_him(guarded: World) -> None:
    """An administrator has the key of what he asks for: with it he must not be the doctor whom it names."""
    der = withdrawn(guarded, guarded.origin("administrateur"), "PRO_AUTH", beneficiaire=MEDECIN)
    assert refused(guarded, der) is Code.ACTEUR_UNKNOWN
    # What he asked for himself he has the key of himself.
    own = withdrawn(guarded, guarded.origin("dr-leroux"), "PRO_AUTH", key=41, beneficiaire=MEDECIN)
    assert identified(guarded, own).acteur == guarded.acteurs["dr-leroux"]


def test_a_software_certificate_that_was_not_withdrawn_opens_nothing(guarded: World) -> None:
    index = guarded.issued(guarded.form("PS_AUTH", key=42))
    der = guarded.certificat(guarded.numeros(index)[0]).der
    assert der is not None
    assert refused(guarded, der) is Code.ACTEUR_UNKNOWN


def test_a_software_certificate_of_a_stranger_hand_is_nobodys(guarded: World) -> None:
    """One of the authority of persons that no demande is behind."""
    content = CertificateContent(
        product="PS_AUTH", common_name=MEDECIN, surname="LEROUX", given_name="CAMILLE", title="Médecin", profession=10
    )
    enrolled = enroll(guarded.context, guarded.plateforme, content)
    assert refused(guarded, enrolled.der) is Code.ACTEUR_UNKNOWN
