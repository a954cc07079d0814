"""A registration authority in memory: the surface of the real one, for tests of the canal alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.values import Acteur, LotForm, Origin, content_digest, encode_forms
from registration.views import (
    CancelResult,
    DemandeDetail,
    DemandePage,
    DemandeView,
    HistoriqueLine,
    LotFollowUp,
    LotReceipt,
    Refusal,
    Retrait,
    RetraitPage,
    Verdict,
)
from registration.vocabulary import (
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    Offre,
    Plateforme,
    TypeActeurInscrit,
    Usage,
)

NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
SECRET_TEXT = '<ce que personne ne doit lire & "lire">'


class Desk:
    """Knows the certificates it is given; keeps lots in a dictionary."""

    plateforme = Plateforme.TEST

    def __init__(self, known: dict[bytes, str]) -> None:
        self.acteurs = {
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
        self.lots: dict[int, tuple[Origin, LotForm, bytes]] = {}
        self.versions: dict[int, int] = {}
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def identify(self, certificate_der):
        self.calls.append("identify")
        if certificate_der is None:
            raise AccessError(Code.NO_CERTIFICATE)
        if certificate_der in self.revoked:
            raise AccessError(Code.CERTIFICATE_REVOKED)
        if certificate_der not in self.acteurs:
            raise AccessError(Code.ACTEUR_UNKNOWN)
        return self.acteurs[certificate_der]

    def submit_lot(self, origin, form):
        self.calls.append("submit_lot")
        self.threads.add(threading.current_thread().name)
        if form.reference == "panne":
            raise RuntimeError(SECRET_TEXT)
        if form.reference == "sans-droit":
            raise AccessError(Code.NO_RIGHT)
        digest = content_digest([encode_forms(form.demandes)])
        with self._lock:
            for index, (owner, known, known_digest) in self.lots.items():
                if owner.acteur == origin.acteur and known.reference == form.reference:
                    if digest != known_digest:
                        raise ConflictError(Code.LOT_CONFLICT, champ="reference", index=index)
                    return self._receipt(index, known, already=True)
            index = len(self.lots) + 1
            self.lots[index] = (origin, form, digest)
            self.versions[index] = 1
            return self._receipt(index, form, already=False)

    def _receipt(self, index, form, *, already):
        return LotReceipt(
            index=index, reference=form.reference, nombre=len(form.demandes), depose_le=NOW, already_known=already
        )

    def verify_lot(self, origin, form):
        self.calls.append("verify_lot")
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
            )
            for position, item in enumerate(form.demandes, 1)
        )

    def follow_lot(self, acteur, *, index=None, reference=None):
        self.calls.append("follow_lot")
        if index is None:
            found = [
                n for n, (owner, form, _) in self.lots.items() if owner.acteur == acteur and form.reference == reference
            ]
            index = found[0] if found else None
        if index not in self.lots or self.lots[index][0].acteur != acteur:
            raise NotFoundError(Code.LOT_UNKNOWN)
        form = self.lots[index][1]
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
            version=f"v{self.versions[index]}",
        )

    def list_lot(self, acteur, index, *, etat=None, after=0, limit=100):
        self.calls.append(f"list_lot {index} {etat} {after} {limit}")
        views = tuple(self.view(position, full=position % 2) for position in range(after + 1, after + limit + 1))
        return DemandePage(demandes=views, next_after=after + limit)

    def search(self, acteur, criteria, *, after=None, limit=100):
        self.calls.append("search")
        self.criteria = criteria
        return DemandePage(demandes=(), next_after=None)

    def read_demande(self, acteur, numero):
        if numero == 404:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        line = HistoriqueLine(
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
        return DemandeDetail(
            demande=self.view(numero, full=True), subject=(("CN", "dossier"), ("C", "FR")), historique=(line, line)
        )

    def withdraw_demande(self, origin, numero, conditions):
        if conditions.code != conditions.confirmation:
            raise IgcError(Code.CODE_REVOCATION_MISMATCH, champ="confirmation")
        if numero == 33:
            raise ConflictError(Code.NOT_READY, etat="Validée")
        return self._retrait(numero)

    def _retrait(self, numero):
        return Retrait(
            numero=numero,
            index_lot=1,
            position=1,
            reference=None,
            serial="0A0B",
            not_after=NOW,
            retire_le=NOW,
            pkcs7=bytes(range(256)),
        )

    def withdraw_lot_page(self, origin, index, conditions, *, after=0, limit=100):
        return RetraitPage(retraits=tuple(self._retrait(n) for n in (1, 2)), next_after=2, pending=3)

    def cancel_demande(self, origin, numero):
        return CancelResult(cancelled=1, unchanged=0)

    def cancel_lot(self, origin, index):
        return CancelResult(cancelled=0, unchanged=7)

    def view(self, numero, *, full):
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
