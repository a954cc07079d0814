"""The contract's types as frozen Python values: field names are those of the XSD in snake_case.

Instants are aware, binary values are DER bytes. Conversion to and from messages is in ``translation``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

ETATS_DEMANDE = ("ENREGISTREE", "VALIDEE", "TRANSMISE", "CLOSE", "REJETEE", "NON_TRAITEE", "ANNULEE")
USAGES_BY_OFFRE = {
    "PS": ("AUTH", "SIGN", "CONF"),
    "PRO": ("AUTH", "SIGN", "CONF"),
    "ORG": ("AUTH_CLI", "SIGN", "CONF"),
    "SERV": ("SSL_SERV", "SIGN", "S/MIME", "CONF"),
}


ALL_OFFRES = "TOUTES"
"""What ``CriteresRecherche.offre`` may be beside an offre."""

_NAMELESS = frozenset({"ERR_IHM_004", "ERR_IHM_005"})
"""Why a demande is refused that names no offre or no structure."""


class ContractValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of every type: snake_case here, camelCase in the contract."""


class DemandeCertificat(ContractValue, frozen=True, kw_only=True):
    """One certificate request; ``csr`` is PKCS#10 in DER. The XSD says which field belongs to which product.

    It lets any of them be absent, for a service to refuse; a demande of ours has those that every product has, unless
    it renews a certificate: it names that, and may name whom to tell.
    """

    reference: str | None = None
    renouvelle: str | None = None
    renouvelle_autorite: str | None = None
    renouvelle_serie: str | None = None
    offre: str | None = None
    usage: str | None = None
    structure: str | None = None
    beneficiaire: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: tuple[str, ...] = ()
    upn: str | None = None
    email_acteur: str | None = None
    email_informe: str | None = None
    csr: bytes


class Lot(ContractValue, frozen=True, kw_only=True):
    """1 to 10 000 demandes under a reference of the sender, which makes the deposit safe to repeat."""

    reference: str
    demande: tuple[DemandeCertificat, ...]


class AccuseLot(ContractValue, frozen=True, kw_only=True):
    """The lot is durable; ``deja_depose`` when an earlier send had already arrived."""

    index_lot: int
    reference: str
    nombre: int
    depose_le: Instant
    deja_depose: bool


class ErreurDemande(ContractValue, frozen=True, kw_only=True):
    """Why one demande is refused."""

    code: str
    texte: str
    champ: str | None = None


class NomAlternatif(ContractValue, frozen=True, kw_only=True):
    """A name that the certificate bears beside its subject; ``nature`` is EMAIL, DNS or UPN."""

    nature: str
    valeur: str


class Avertissement(ContractValue, frozen=True, kw_only=True):
    """What to look at before depositing; it refuses nothing."""

    code: str
    texte: str
    champ: str | None = None


class Verdict(ContractValue, frozen=True, kw_only=True):
    """What a deposit would decide for one demande; ``sujet`` and what follows it are those of an acceptable one."""

    position: int
    reference: str | None = None
    acceptable: bool
    sujet: str | None = None
    nom_alternatif: tuple[NomAlternatif, ...] = ()
    avertissement: tuple[Avertissement, ...] = ()
    erreur: tuple[ErreurDemande, ...] = ()


class BilanVerification(ContractValue, frozen=True, kw_only=True):
    """The verdicts on a lot of which nothing was recorded."""

    nombre: int
    acceptables: int
    refusees: int
    verdict: tuple[Verdict, ...] = ()


class SuiviLot(ContractValue, frozen=True, kw_only=True):
    """Progress of a lot. The seven counters after ``nombre`` add up to it; ``avancement`` is a percentage."""

    index_lot: int
    reference: str
    etat: str
    nombre: int
    enregistrees: int
    validees: int
    transmises: int
    closes: int
    rejetees: int
    non_traitees: int
    annulees: int
    a_retirer: int
    avancement: int
    depose_le: Instant
    modifie_le: Instant
    version: str

    @property
    def finished(self) -> bool:
        """No demande of the lot still waits for the batch."""
        return self.etat == "TERMINE"

    @property
    def refused(self) -> int:
        """Demandes that will never be a certificate, cancellations apart."""
        return self.rejetees + self.non_traitees


class DemandeSuivie(ContractValue, frozen=True, kw_only=True):
    """One demande as its followers see it, whatever its canal.

    Of a demande of one's own lot that one has no right to follow (any more), ``without_detail``, only what tells how it
    ended is there: no structure, beneficiaire, field of the product or certificate. What a refused one had wrong is
    absent too, ``offre`` and ``usage`` not excepted.
    """

    numero_demande: int
    canal: str
    index_lot: int | None = None
    position: int | None = None
    reference: str | None = None
    offre: str | None = None
    usage: str | None = None
    etat: str
    etat_produit: str | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    nom_beneficiaire: str | None = None
    demandeur: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: tuple[str, ...] = ()
    cree_le: Instant
    modifie_le: Instant
    numero_serie: str | None = None
    fin_validite: Instant | None = None
    renouvelle: int | None = None
    renouvelee_par: int | None = msgspec.field(default=None, name="renouveleePar")
    date_limite_retrait: Instant | None = None
    erreur: ErreurDemande | None = None

    @property
    def without_detail(self) -> bool:
        """The service names neither structure nor beneficiaire, as it does of every demande that may be followed.

        One that is refused because it names no offre or no structure hides nothing.
        """
        unnamed = self.erreur is not None and self.erreur.code in _NAMELESS
        return self.structure is None and self.beneficiaire is None and not unnamed


class PageDemandes(ContractValue, frozen=True, kw_only=True):
    """A page; ``suivant`` goes back as ``a_partir_de``, absent on the last page."""

    nombre: int
    demande: tuple[DemandeSuivie, ...] = ()
    suivant: int | None = None


class ConditionsRetrait(ContractValue, frozen=True, kw_only=True):
    """Revocation code, its confirmation and the acceptance of the CGU. ``repr`` hides the code."""

    code_revocation: str
    confirmation: str
    acceptation_cgu: bool

    def __repr__(self) -> str:
        return "ConditionsRetrait(...)"


class Chaine(ContractValue, frozen=True, kw_only=True):
    """The certificates above one, DER: that of its issuer, whose name is ``autorite``, first, the root last."""

    autorite: str
    certificat: tuple[bytes, ...]


class Retrait(ContractValue, frozen=True, kw_only=True):
    """A withdrawn certificate: ``certificat`` alone, DER, and ``pkcs7`` certs-only, DER, with its chain.

    ``chaine`` is here when it came alone; those of a page stand beside its certificates.
    """

    numero_demande: int
    index_lot: int | None = None
    position: int | None = None
    reference: str | None = None
    numero_serie: str
    fin_validite: Instant
    retire_le: Instant
    autorite: str
    certificat: bytes
    pkcs7: bytes
    chaine: Chaine | None = None


class PageRetraits(ContractValue, frozen=True, kw_only=True):
    """Certificates withdrawn by this call; ``en_attente`` counts the demandes of the lot not signed yet."""

    nombre: int
    retrait: tuple[Retrait, ...] = ()
    chaine: tuple[Chaine, ...] = ()
    suivant: int | None = None
    en_attente: int


class BilanAnnulation(ContractValue, frozen=True, kw_only=True):
    """What a cancellation changed, and what it left as it was."""

    annulees: int
    inchangees: int


class CriteresRecherche(ContractValue, frozen=True, kw_only=True):
    """A ``numero_demande``, an ``index_lot`` or an ``offre`` (or ``ALL_OFFRES``) is needed; instants are aware."""

    numero_demande: int | None = None
    index_lot: int | None = None
    offre: str | None = None
    usage: str | None = None
    etat: str | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    nom_beneficiaire: str | None = None
    prenom_beneficiaire: str | None = None
    demandeur: str | None = None
    nom_demandeur: str | None = None
    prenom_demandeur: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: str | None = None
    depuis: Instant | None = None
    jusqua: Instant | None = None


class LigneHistorique(ContractValue, frozen=True, kw_only=True):
    """One step of the life of a demande."""

    numero: int
    canal: str
    date: Instant
    code_action: str
    etat: str
    type_acteur: str
    acteur: str | None = None
    habilitations_acteur: str | None = None
    administrateur: str | None = None
    habilitations_administrateur: str | None = None


class AttributSujet(ContractValue, frozen=True, kw_only=True):
    """One attribute of the certificate's subject, e.g. ``CN``."""

    nom: str
    valeur: str


class DetailDemande(ContractValue, frozen=True, kw_only=True):
    """A demande, its contacts, the subject of its certificate and its whole history."""

    demande: DemandeSuivie
    upn: str | None = None
    email_acteur: str | None = None
    email_informe: str | None = None
    attribut_sujet: tuple[AttributSujet, ...] = ()
    ligne_historique: tuple[LigneHistorique, ...] = ()


class TexteEnVigueur(ContractValue, frozen=True, kw_only=True):
    """A text that a withdrawal accepts; ``empreinte`` is its SHA-256, and its version stays at ``adresse``."""

    version: str
    empreinte: str
    adresse: str


class EtatService(ContractValue, frozen=True, kw_only=True):
    """The service answers: who it takes us for, and its limits."""

    plateforme: str
    version_contrat: str
    heure: Instant
    acteur: str
    administrateur: str | None = None
    demandes_par_lot: int
    octets_par_message: int
    cgu: TexteEnVigueur
    pc: TexteEnVigueur
