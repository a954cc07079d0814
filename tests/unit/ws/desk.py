"""A registration authority in memory, for tests of the canal alone; the type checker holds it to the ports."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from registration.errors import AccessError, Code, ConflictError, IgcError, NotAtOnceError, NotFoundError
from registration.policy import DEFAULT_PAGE
from registration.ports import AuthorityPort, BrouillonsPort, DepotsPort, SessionsPort, TableauPort
from registration.retrait_views import CleNavigateur, RetraitCriteria, RetraitEnCours, RetraitsPrets
from registration.revocation_views import (
    RevocationCriteria,
    RevocationDetail,
    RevocationPage,
    RevocationResult,
    RevocationVerdict,
    RevocationView,
)
from registration.values import (
    Acteur,
    Caller,
    DemandeForm,
    Identite,
    LotForm,
    Origin,
    RevocationForm,
    RevocationLotForm,
    Sujet,
    content_digest,
)
from registration.views import (
    Alternative,
    Apercu,
    CancelResult,
    DemandeDetail,
    DemandePage,
    DemandeView,
    DomaineOffert,
    Droit,
    DroitPage,
    HistoriqueLine,
    LotFollowUp,
    LotReceipt,
    LotsPage,
    OffreOuverte,
    PerimetrePage,
    PersonneCriteria,
    PersonnePage,
    Possible,
    ProduitCriteria,
    ProduitDetail,
    ProduitPage,
    ProduitView,
    Refusal,
    RenewalCriteria,
    Retrait,
    RetraitConditions,
    RetraitPage,
    SearchCriteria,
    StructureCriteria,
    StructurePage,
    Telechargement,
    Verdict,
    Waiting,
    Warned,
)
from registration.vocabulary import (
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    EtatRevocation,
    Motif,
    NatureLot,
    NatureNom,
    Offre,
    Plateforme,
    ResultatRevocation,
    Saisie,
    TypeActeurInscrit,
    Usage,
)
from tests.support.textes import TEXTES

TIERS = "899700027131"
HELPED = Acteur(
    id=99, plateforme=Plateforme.TEST, type_acteur=TypeActeurInscrit.PERSONNE, id_national=TIERS, libelle="MOREL NADIA",
)  # fmt: skip
NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
SECRET_TEXT = '<ce que personne ne doit lire & "lire">'


class Desk:
    """Knows the certificates it is given; keeps lots in a dictionary."""

    plateforme = Plateforme.TEST
    reads_at_once = True

    def view(self) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def brouillons(self) -> BrouillonsPort:
        raise AssertionError("the web service keeps no forms of the portal")

    @property
    def sessions(self) -> SessionsPort:
        raise AssertionError("the web service has no sessions")

    @property
    def depots(self) -> DepotsPort:
        raise AssertionError("the web service keeps no lots before they are sent")

    @property
    def tableau(self) -> TableauPort:
        raise AssertionError("the web service has no home")

    def changes(self, stop: threading.Event) -> DeskChanges:
        self.calls.append("open changes")
        return DeskChanges(self, stop)

    def __init__(self, known: dict[bytes, str]) -> None:
        self.known = {
            der: Acteur(
                id=number,
                plateforme=Plateforme.TEST,
                type_acteur=TypeActeurInscrit.APPLICATION,
                id_national=None,
                libelle=name,
            )
            for number, (der, name) in enumerate(known.items(), 1)
        }
        self.revoked: set[bytes] = set()
        self.not_at_once: set[bytes] = set()
        self.administrateurs: set[str] = set()
        self.kept: dict[int, tuple[Origin, LotForm, bytes]] = {}
        self.versions: dict[int, int] = {}
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.criteria = SearchCriteria()
        self.renewals = RenewalCriteria()
        self.produit_criteria = ProduitCriteria()
        self.conditions: RetraitConditions | None = None
        self.lock = threading.Lock()
        self.acteurs = DeskActeurs(self)
        self.lots = DeskLots(self)
        self.demandes = DeskDemandes(self)
        self.textes = TEXTES
        self.retraits = DeskRetraits(self)
        self.produits = DeskProduits(self)
        self.directory = DeskDirectory(self)
        self.revocations = DeskRevocations(self)


class DeskChanges:
    """Tells of every change of a version."""

    def __init__(self, desk: Desk, stop: threading.Event) -> None:
        self._desk, self._stop = desk, stop
        self._seen: dict[int, int] = {}

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._seen == self._desk.versions and time.monotonic() < deadline and not self._stop.is_set():
            time.sleep(0.01)
        changed, self._seen = self._seen != self._desk.versions, dict(self._desk.versions)
        return changed

    def close(self) -> None:
        self._desk.calls.append("close changes")


class _Area:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk


class DeskActeurs(_Area):
    def identify(self, certificate_der: bytes | None, *, at_once: bool = False) -> Caller:
        self.desk.calls.append("identify")
        if at_once and certificate_der in self.desk.not_at_once:
            raise NotAtOnceError
        if certificate_der is None:
            raise AccessError(Code.NO_CERTIFICATE)
        if certificate_der in self.desk.revoked:
            raise AccessError(Code.CERTIFICATE_REVOKED)
        if certificate_der not in self.desk.known:
            raise AccessError(Code.ACTEUR_UNKNOWN)
        return Caller(acteur=self.desk.known[certificate_der], identite=Identite(emetteur="0" * 64, serie="01"))

    def identify_subject(self, sujet: Sujet) -> Caller:
        raise AccessError(Code.SUBJECT_REFUSED)

    def may_act_for_others(self, acteur: Acteur) -> bool:
        return acteur.libelle in self.desk.administrateurs

    def act_for(self, caller: Caller, id_national: str) -> Caller:
        self.desk.calls.append(f"act_for {id_national}")
        if not self.may_act_for_others(caller.acteur):
            raise AccessError(Code.HABILITATION_MISSING, champ="pourLeCompteDe")
        if id_national != TIERS:
            raise IgcError(Code.TIERS_UNKNOWN, champ="pourLeCompteDe")
        return Caller(acteur=HELPED, identite=caller.identite, administrateur=caller.acteur)

    def offres(self, acteur: Acteur) -> frozenset[Offre]:
        return frozenset()

    def droits(self, acteur: Acteur, *, after: int = 0, limit: int = DEFAULT_PAGE) -> DroitPage:
        self.desk.calls.append(f"droits {after} {limit}")
        domaines = (DomaineOffert(domaine="a&b.example", saisie=Saisie.FACULTATIVE),)
        return DroitPage(
            pour_soi=False,
            droits=(
                Droit(offre=Offre.ORG, structure="10B0039137", raison_sociale=None, par=Offre.SERV, domaines=()),
                Droit(offre=Offre.SERV, structure="10B0039137", raison_sociale="CHU", par=None, domaines=domaines),
            ),
            next_after=2,
        )

    def perimetre(
        self, acteur: Acteur, texte: str | None = None, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> PerimetrePage:
        raise AssertionError("the web service has pages of rights")

    def allowed_structures(self, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
        return ()


class DeskDirectory(_Area):
    def search_structures(
        self, acteur: Acteur, criteria: StructureCriteria, *, offre: Offre | None = None, limit: int = DEFAULT_PAGE
    ) -> StructurePage:
        return StructurePage(structures=(), more=False)

    def search_personnes(
        self, acteur: Acteur, structure: str, criteria: PersonneCriteria, *, limit: int = DEFAULT_PAGE
    ) -> PersonnePage:
        return PersonnePage(personnes=(), more=False)


class DeskLots(_Area):
    def list_lots(
        self, acteur: Acteur, *, nature: NatureLot | None = None, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> LotsPage:
        raise AssertionError("the web service lists no lots")

    def waiting(self, acteur: Acteur, index: int) -> Waiting:
        raise AssertionError("the web service tells it of each demande")

    def export(self, acteur: Acteur, index: int) -> Iterator[bytes]:
        raise AssertionError("the web service has pages")

    def submit(self, origin: Origin, form: LotForm) -> LotReceipt:
        self.desk.calls.append("submit_lot")
        self.desk.threads.add(threading.current_thread().name)
        if form.reference == "panne":
            raise RuntimeError(SECRET_TEXT)
        if form.reference == "sans-droit":
            raise AccessError(Code.NO_RIGHT)
        digest = content_digest(form.demandes)
        with self.desk.lock:
            for index, (owner, known, known_digest) in self.desk.kept.items():
                if owner.acteur == origin.acteur and known.reference == form.reference:
                    if digest != known_digest:
                        raise ConflictError(Code.LOT_CONFLICT, champ="reference", index=index)
                    return _receipt(index, known, already=True)
            index = len(self.desk.kept) + 1
            self.desk.kept[index] = (origin, form, digest)
            self.desk.versions[index] = 1
            return _receipt(index, form, already=False)

    def verify(self, origin: Origin, form: LotForm) -> tuple[Verdict, ...]:
        self.desk.calls.append("verify_lot")
        return tuple(
            Verdict(
                position=position,
                reference=item.reference,
                refusals=()
                if position % 2
                else (
                    Refusal(code="ERR_IHM_007", texte="CSR refusée & « mauvaise » <clé>", champ="csr"),
                    Refusal(code="ERR_IHM_062_2", texte="FQDN"),
                ),
                subject=f"CN=<{position}> & co, C=FR" if position % 2 else None,
                alternatives=(Alternative(nature=NatureNom.DNS, valeur="a.fr"),) if position % 2 else (),
                warnings=(Warned(code="AVT_WS_001", texte="à voir", champ="csr"),) if position == 1 else (),
            )
            for position, item in enumerate(form.demandes, 1)
        )

    def follow(self, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
        self.desk.calls.append("follow_lot")
        if index is None:
            found = [
                n
                for n, (owner, form, _) in self.desk.kept.items()
                if owner.acteur == acteur and form.reference == reference
            ]
            index = found[0] if found else None
        if index is None or index not in self.desk.kept or self.desk.kept[index][0].acteur != acteur:
            raise NotFoundError(Code.LOT_UNKNOWN)
        form = self.desk.kept[index][1]
        counts = dict.fromkeys(EtatDemande, 0)
        counts[EtatDemande.ENREGISTREE] = len(form.demandes)
        return LotFollowUp(
            index=index,
            reference=form.reference,
            etat=EtatLot.EN_COURS,
            nombre=len(form.demandes),
            counts=counts,
            a_retirer=0,
            depose_le=NOW,
            modifie_le=NOW,
            version=f"v{self.desk.versions[index]}",
        )

    def marks(self, indexes: Collection[int]) -> Mapping[int, str]:
        self.desk.calls.append(f"marks {sorted(indexes)}")
        return {index: str(self.desk.versions[index]) for index in indexes}

    def list_demandes(
        self, acteur: Acteur, index: int, *, etat: EtatDemande | None = None, after: int = 0, limit: int = 100
    ) -> DemandePage:
        self.desk.calls.append(f"list_lot {index} {etat} {after} {limit}")
        views = tuple(_view(position, full=position % 2 == 1) for position in range(after + 1, after + limit + 1))
        return DemandePage(demandes=views, next_after=after + limit)

    def cancel(self, origin: Origin, index: int) -> CancelResult:
        return CancelResult(cancelled=0, unchanged=7)


class DeskDemandes(_Area):
    def submit(self, origin: Origin, form: DemandeForm, *, brouillon: str | None = None) -> int:
        raise AccessError(Code.NO_RIGHT)

    def ouverture(
        self, origin: Origin, offre: Offre, structure: str | None, beneficiaire: str | None = None
    ) -> OffreOuverte:
        raise AccessError(Code.NO_RIGHT)

    def foresee(self, origin: Origin, form: DemandeForm) -> Apercu:
        return Apercu(refusals=())

    def search(
        self, acteur: Acteur, criteria: SearchCriteria, *, after: int | None = None, limit: int = 100
    ) -> DemandePage:
        self.desk.calls.append("search")
        self.desk.criteria = criteria
        return DemandePage(demandes=(), next_after=None)

    def export(self, acteur: Acteur, criteria: SearchCriteria) -> Iterator[bytes]:
        return iter(())

    def export_to_renew(self, acteur: Acteur, criteria: RenewalCriteria) -> Iterator[bytes]:
        return iter(())

    def count(self, acteur: Acteur, criteria: SearchCriteria) -> int:
        return 0

    def possible(self, acteur: Acteur, numeros: Collection[int]) -> Mapping[int, Possible]:
        return {}

    def to_renew(
        self, acteur: Acteur, criteria: RenewalCriteria, *, after: int | None = None, limit: int = 100
    ) -> DemandePage:
        self.desk.calls.append(f"to_renew after={after} limit={limit}")
        self.desk.renewals = criteria
        return DemandePage(demandes=(), next_after=None)

    def read(self, acteur: Acteur, numero: int) -> DemandeDetail:
        if numero == 404:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        line = _line(numero)
        return DemandeDetail(
            demande=_view(numero, full=True),
            upn="marie.leroux@acacias.example",
            email_acteur="gestion@acacias.example",
            email_informe=None,
            subject=(("CN", "dossier"), ("C", "FR")),
            historique=(line, line),
        )

    def cancel(self, origin: Origin, numero: int) -> CancelResult:
        return CancelResult(cancelled=1, unchanged=0)


class DeskProduits(_Area):
    def search(
        self, acteur: Acteur, criteria: ProduitCriteria, *, after: int | None = None, limit: int = 100
    ) -> ProduitPage:
        self.desk.produit_criteria = criteria
        if criteria.numero == 404:
            return ProduitPage(produits=(), next_after=None)
        return ProduitPage(produits=(_produit(3, full=True), _produit(2, full=False)), next_after=2)

    def export(self, acteur: Acteur, criteria: ProduitCriteria) -> Iterator[bytes]:
        return iter(())

    def count(self, acteur: Acteur, criteria: ProduitCriteria) -> int:
        return 3

    def read(self, acteur: Acteur, numero: int) -> ProduitDetail:
        if numero == 404:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        detail = self.desk.demandes.read(acteur, numero)
        return ProduitDetail(produit=_produit(numero, full=True), subject=detail.subject, historique=detail.historique)

    def download(self, acteur: Acteur, numero: int) -> Telechargement:
        if numero == 33:
            raise ConflictError(Code.NOT_ACTIVE, raison="celui-ci est révoqué.")
        return Telechargement(produit=_produit(numero, full=True), der=b"0\x00", pkcs7=bytes(range(256)))


class DeskRetraits(_Area):
    def withdraw(self, origin: Origin, numero: int, conditions: RetraitConditions) -> Retrait:
        self.desk.conditions = conditions
        if conditions.code != conditions.confirmation:
            raise IgcError(Code.CODE_REVOCATION_MISMATCH, champ="confirmation")
        if numero == 33:
            raise ConflictError(Code.NOT_READY, etat="Validée")
        return _retrait(numero)

    def withdraw_page(
        self, origin: Origin, index: int, conditions: RetraitConditions, *, after: int = 0, limit: int = 100
    ) -> RetraitPage:
        return RetraitPage(retraits=tuple(_retrait(n) for n in (1, 2)), next_after=2, pending=3)

    def waiting(self, acteur: Acteur, criteria: RetraitCriteria, *, after: int = 0, limit: int = 100) -> RetraitsPrets:
        return RetraitsPrets(retraits=(), next_after=None)

    def look_up(self, acteur: Acteur, numero: int) -> RetraitEnCours:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)

    def keys_in_browsers(self, acteur: Acteur) -> tuple[CleNavigateur, ...]:
        return ()


class DeskRevocations(_Area):
    """Remembers the last form and criteria; whatever it is asked, it answers with every field or with few."""

    form: RevocationForm | RevocationLotForm | None = None
    criteria: RevocationCriteria | None = None

    def count(self, acteur: Acteur, criteria: RevocationCriteria) -> int:
        return 0

    def revoke(self, origin: Origin, form: RevocationForm) -> RevocationResult:
        self.form = form
        if not form.confirmation:
            raise IgcError(Code.REVOCATION_NOT_CONFIRMED, champ="confirmation")
        if form.numero == 404:
            raise NotFoundError(Code.DEMANDE_UNKNOWN, champ="numeroProduit")
        if form.numero == 33:
            raise ConflictError(Code.REVOCATION_TO_CANCEL, numero=33)
        return _revoked(7)

    def give_up(self, origin: Origin, numero: int) -> bool:
        return numero == 7

    def submit(self, origin: Origin, form: RevocationLotForm) -> LotReceipt:
        self.form = form
        return LotReceipt(
            index=9, reference=form.reference, nombre=len(form.revocations), depose_le=NOW, already_known=False
        )

    def verify(self, origin: Origin, form: RevocationLotForm) -> tuple[RevocationVerdict, ...]:
        self.form = form
        refusal = Refusal(code="ERR_WS_037", texte="non", champ="motif")
        return (
            RevocationVerdict(position=1, reference="a", result=_revoked(None), refusals=()),
            RevocationVerdict(position=2, reference=None, result=None, refusals=(refusal,)),
        )

    def list_lot(
        self,
        acteur: Acteur,
        index: int,
        *,
        etat: EtatRevocation | None = None,
        after: int = 0,
        limit: int = DEFAULT_PAGE,
    ) -> RevocationPage:
        self.desk.calls.append(f"list_revocations {index} {after} {limit}")
        return RevocationPage(revocations=(_revocation(1, full=True), _revocation(2, full=False)), next_after=2)

    def export(self, acteur: Acteur, criteria: RevocationCriteria) -> Iterator[bytes]:
        return iter(())

    def search(
        self, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> RevocationPage:
        self.criteria = criteria
        return RevocationPage(revocations=(), next_after=None)

    def read(self, acteur: Acteur, numero: int) -> RevocationDetail:
        if numero == 404:
            raise NotFoundError(Code.REVOCATION_UNKNOWN)
        return RevocationDetail(revocation=_revocation(numero, full=True), historique=(_line(numero),))


def _revoked(numero: int | None) -> RevocationResult:
    return RevocationResult(
        resultat=ResultatRevocation.REVOQUE,
        numero=numero,
        numero_produit=3,
        autorite="ACI-EL-ORG",
        serial="0a0b",
        motif=None if numero is None else Motif.VOL,
        effet_le=NOW,
        revoque_le=NOW,
        raison="keyCompromise",
    )


def _revocation(numero: int, *, full: bool) -> RevocationView:
    return RevocationView(
        numero=numero,
        canal=Canal.WS,
        etat=EtatRevocation.CLOSE if full else EtatRevocation.NON_TRAITEE,
        resultat=ResultatRevocation.REVOQUE if full else ResultatRevocation.REFUSEE,
        index_lot=9,
        position=numero,
        reference="r/1" if full else None,
        cree_le=NOW,
        modifie_le=NOW,
        refusal=None if full else Refusal(code="ERR_IHM_026", texte="non"),
        motif=Motif.AUTRE if full else None,
        autre_motif="départ & « fin »" if full else None,
        effet_le=NOW if full else None,
        remplacee_par=8 if full else None,
        demandeur="X" if full else None,
        numero_produit=3 if full else None,
        autorite="ACI-EL-ORG" if full else None,
        serial="0a0b" if full else None,
        revoque_le=NOW if full else None,
        raison="unspecified" if full else None,
        offre=Offre.SERV if full else None,
        usage=Usage.SMIME if full else None,
        structure="10B0039137" if full else None,
        beneficiaire="899700027131" if full else None,
        service_applicatif="dossier" if full else None,
        adresse_email="a@b.fr" if full else None,
        fqdns=("a.fr",) if full else (),
    )


def _line(numero: int) -> HistoriqueLine:
    return HistoriqueLine(
        numero=1,
        numero_demande=numero,
        canal=Canal.WS,
        date=NOW,
        code_action="ACT_DCL_001",
        etat=EtatDemande.ENREGISTREE,
        type_acteur="Mandataire",
        acteur="CHU",
        habilitations_acteur=None,
        administrateur=None,
        habilitations_administrateur=None,
    )


def _receipt(index: int, form: LotForm, *, already: bool) -> LotReceipt:
    return LotReceipt(
        index=index, reference=form.reference, nombre=len(form.demandes), depose_le=NOW, already_known=already
    )


def _retrait(numero: int) -> Retrait:
    return Retrait(
        numero=numero,
        index_lot=1,
        position=1,
        reference=None,
        serial="0A0B",
        not_after=NOW,
        retire_le=NOW,
        autorite="AC & <TEST>",
        der=b"leaf",
        pkcs7=bytes(range(256)),
        chain=(b"issuer", b"root"),
    )


def _produit(numero: int, *, full: bool) -> ProduitView:
    return ProduitView(
        numero=numero,
        canal=Canal.IHM,
        index_lot=1 if full else None,
        position=numero if full else None,
        reference="r/1" if full else None,
        offre=Offre.PRO,
        usage=Usage.SIGN,
        etat=EtatProduit.ACTIF,
        emis_le=NOW,
        not_before=NOW,
        not_after=NOW,
        revoque_le=NOW if full else None,
        autorite="AC & <TEST>",
        serial="0a0b",
        structure="10B0039137" if full else None,
        raison_sociale="CHU" if full else None,
        beneficiaire="899700027131" if full else None,
        beneficiaire_libelle="MOREL Nadia" if full else None,
        demandeur="X",
        service_applicatif="é" * 64 if full else None,
        adresse_email="a@b.fr" if full else None,
        fqdns=("a.fr", "b.fr") if full else (),
    )


def _view(numero: int, *, full: bool) -> DemandeView:
    return DemandeView(
        numero=numero,
        canal=Canal.WS,
        offre=Offre.SERV,
        usage=Usage.SMIME,
        etat=EtatDemande.REJETEE,
        index_lot=1 if full else None,
        position=numero if full else None,
        reference="r/1" if full else None,
        etat_produit=EtatProduit.A_RETIRER if full else None,
        structure="10B0039137" if full else None,
        raison_sociale="CHU",
        beneficiaire="899700027131" if full else None,
        beneficiaire_libelle=None,
        demandeur="X",
        service_applicatif="é" * 64 if full else None,
        adresse_email="a@b.fr" if full else None,
        fqdns=("a.fr", "b.fr") if full else (),
        cree_le=NOW,
        modifie_le=NOW,
        serial="01" if full else None,
        not_after=NOW if full else None,
        refusal=Refusal(code="ERR_IHM_026", texte="non") if full else None,
    )


# What the canals ask of the registration authority is what this fake answers, name by name and type by type.
_: AuthorityPort = Desk({})
