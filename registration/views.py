"""What the use cases and queries give back: frozen values, ready for either canal. No rows, no sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from registration.errors import IgcError
from registration.vocabulary import (
    Action,
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    GenreBrouillon,
    NatureLot,
    NatureNom,
    Offre,
    Role,
    Saisie,
    Usage,
)


class LotReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The lot is durable; ``already_known`` when this is the repetition of an earlier deposit."""

    index: int
    reference: str
    nombre: int
    depose_le: datetime
    already_known: bool


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a demande is refused: code of the catalogue, French text, field of the contract."""

    code: str
    texte: str
    champ: str | None = None


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender should look at, although nothing is refused: code, French text, field of the contract."""

    code: str
    texte: str
    champ: str | None = None


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a certificate bears beside its subject (subjectAltName)."""

    nature: NatureNom
    valeur: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a deposit would decide for one item; no refusal means acceptable.

    ``reference`` is None too when what the sender gave is none. ``subject`` is that of the certificate in one line, as
    notices have it; it, the other names and the warnings are those of an acceptable item only.
    """

    position: int
    reference: str | None
    refusals: tuple[Refusal, ...]
    subject: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    warnings: tuple[Warned, ...] = ()


class LotFollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a lot. ``counts`` has every EtatDemande; their sum is ``nombre``. ``version`` changes with it."""

    index: int
    reference: str
    etat: EtatLot
    nombre: int
    counts: dict[EtatDemande, int]
    a_retirer: int
    depose_le: datetime
    modifie_le: datetime
    version: str
    nature: NatureLot = NatureLot.CERTIFICATS

    @property
    def avancement(self) -> int:
        """Per cent of the items on which the batch has said its last word, rounded down."""
        done = self.a_retirer + sum(
            self.counts[etat]
            for etat in (EtatDemande.CLOSE, EtatDemande.REJETEE, EtatDemande.NON_TRAITEE, EtatDemande.ANNULEE)
        )
        if self.nature is NatureLot.REVOCATIONS:
            done += self.counts[EtatDemande.VALIDEE]  # its day has to come, and nothing else
        return 100 * done // self.nombre


class LotLine(msgspec.Struct, frozen=True, kw_only=True):
    """A lot in a list. ``mine``: the acteur deposited it, or somebody for him.

    ``suivi`` is None for a lot of another one that is too large to count in passing what the acteur may follow of it:
    ``LotsPort.follow`` tells.
    """

    index: int
    reference: str
    nature: NatureLot
    depose_le: datetime
    deposant: str
    mine: bool
    suivi: LotFollowUp | None


class LotsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of lots, newest first; ``next_after`` goes back as ``after`` for the following page, None at the end."""

    lots: tuple[LotLine, ...]
    next_after: int | None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for somebody, how many, and between which two moments it is over; None where nothing waits."""

    nombre: int
    first: datetime | None
    last: datetime | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal of a lot that was checked: ``position`` and ``reference`` are the item's."""

    position: int
    reference: str | None
    code: str
    texte: str
    champ: str | None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of a lot that was checked are refused for one code; ``texte`` is that of the first of them."""

    code: str
    texte: str
    nombre: int


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """How far the check of a lot has come. ``erreur`` is why it was refused as a whole, with its code.

    ``refus`` are the first refused items, ``causes`` all codes, the most frequent first; ``subjects`` those of the
    first certificates that a deposit would lead to.
    """

    modifie_le: datetime
    faits: int = 0
    fini: bool = False
    acceptees: int = 0
    refusees: int = 0
    averties: int = 0
    refus: tuple[Told, ...] = ()
    causes: tuple[Cause, ...] = ()
    subjects: tuple[str, ...] = ()
    erreur: str | None = None


class Depot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that was read from a file and is not sent yet; ``index`` once it is, ``id`` is None where it already was.

    ``verification`` is None before it has begun.
    """

    id: str | None
    nature: NatureLot
    reference: str
    nombre: int
    index: int | None
    verification: Verification | None


class DemandeView(msgspec.Struct, frozen=True, kw_only=True):
    """One demande as its followers see it.

    Its sender without the right to follow it gets the first block alone, with a refusal whose text names nothing.
    ``renouvelle`` is the demande whose certificate this one renews, ``renouvelee_par`` the renewal of its own that is
    on its way, or withdrawn and active.
    A rejected one has of what its sender wrote only what has the right form: even ``offre`` or ``usage`` may be None.
    """

    numero: int
    canal: Canal
    offre: Offre | None
    usage: Usage | None
    etat: EtatDemande
    index_lot: int | None
    position: int | None
    reference: str | None
    etat_produit: EtatProduit | None
    cree_le: datetime
    modifie_le: datetime
    refusal: Refusal | None

    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    beneficiaire_libelle: str | None = None
    demandeur: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdns: tuple[str, ...] = ()
    serial: str | None = None
    not_after: datetime | None = None
    renouvelle: int | None = None
    renouvelee_par: int | None = None
    limite_retrait: datetime | None = None


class DemandePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of demandes; ``next_after`` goes back as ``after`` for the following page, None at the end."""

    demandes: tuple[DemandeView, ...]
    next_after: int | None


class HistoriqueLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history, columns of guide figure 147."""

    numero: int
    numero_demande: int
    canal: Canal
    date: datetime
    code_action: str
    etat: EtatDemande
    type_acteur: str
    acteur: str
    habilitations_acteur: str | None
    administrateur: str | None
    habilitations_administrateur: str | None


class DemandeDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A demande, the subject of its certificate (display order, guide figure 45), its contacts and its history.

    ``csr_assistee`` when its key was made in the browser of who asked.
    """

    demande: DemandeView
    upn: str | None
    email_acteur: str | None
    email_informe: str | None
    subject: tuple[tuple[str, str], ...]
    historique: tuple[HistoriqueLine, ...]
    csr_assistee: bool = False
    alternatives: tuple[Alternative, ...] = ()


class Possible(msgspec.Struct, frozen=True, kw_only=True):
    """What an acteur may do now with a demande that he follows, and with its produit.

    DEMANDER stands for a similar one. ``roles`` are those in which he may revoke such a certificate, ``revocation``
    and ``revocation_le`` the numero and the day of the revocation that waits, if one does.
    """

    acts: frozenset[Action] = frozenset()
    roles: tuple[Role, ...] = ()
    revocation: int | None = None
    revocation_le: datetime | None = None
    etat_produit: EtatProduit | None = None


class Retrait(msgspec.Struct, frozen=True, kw_only=True):
    """A withdrawn certificate: ``der`` alone, ``pkcs7`` certs-only, DER, with the chain.

    ``autorite`` is the name of its issuer, ``chain`` the certificates above it, its issuer's first.
    """

    numero: int
    index_lot: int | None
    position: int | None
    reference: str | None
    serial: str
    not_after: datetime
    retire_le: datetime
    autorite: str
    der: bytes
    pkcs7: bytes
    chain: tuple[bytes, ...]


class RetraitPage(msgspec.Struct, frozen=True, kw_only=True):
    """Withdrawn certificates of one page of a lot; ``pending`` items of the lot are not signed yet."""

    retraits: tuple[Retrait, ...]
    next_after: int | None
    pending: int


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many demandes a cancellation changed, how many it left as they were."""

    cancelled: int
    unchanged: int


class RetraitConditions(msgspec.Struct, frozen=True, kw_only=True):
    """What the requester gives at withdrawal (guide §9.2). Never logged: ``repr`` hides the code."""

    code: str
    confirmation: str
    cgu_accepted: bool

    def __repr__(self) -> str:
        return "RetraitConditions(...)"


class StructureCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Guide §8.1.2: by id, or by raison sociale; ``raison_sociale`` may end with ``*`` for a beginning."""

    id_national: str | None = None
    raison_sociale: str | None = None


class PersonneCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """Guide §8.3.2: by id, name or first name; both names may end with ``*`` for a beginning."""

    id_national: str | None = None
    nom: str | None = None
    prenom: str | None = None


class StructureView(msgspec.Struct, frozen=True, kw_only=True):
    """A structure of the directory."""

    id_national: str
    raison_sociale: str
    departement: str


class PersonneView(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the directory."""

    id_national: str
    type_personne: str
    nom: str
    prenom: str
    titre: str


class StructurePage(msgspec.Struct, frozen=True, kw_only=True):
    """Structures by raison sociale; ``more``: there are others, the criteria should say more."""

    structures: tuple[StructureView, ...]
    more: bool


class PersonnePage(msgspec.Struct, frozen=True, kw_only=True):
    """Persons by name and first name; ``more`` as of structures."""

    personnes: tuple[PersonneView, ...]
    more: bool


class DomaineOffert(msgspec.Struct, frozen=True, kw_only=True):
    """A domain of an habilitation, as an A-label, and what may be written in front of it."""

    domaine: str
    saisie: Saisie


class Droit(msgspec.Struct, frozen=True, kw_only=True):
    """Administrateur technique of one offre on one structure; ``par`` is the offre that implies it, if another one."""

    offre: Offre
    structure: str
    raison_sociale: str | None
    par: Offre | None
    domaines: tuple[DomaineOffert, ...]


class DroitPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rights of an acteur, by structure and offre; ``pour_soi``: he may ask for himself on offre PS.

    ``next_after`` is how many there were up to here, None at the end.
    """

    pour_soi: bool
    droits: tuple[Droit, ...]
    next_after: int | None


class OffreOuverte(msgspec.Struct, frozen=True, kw_only=True):
    """What an acteur may ask for of one offre, for one structure or (PS) for himself.

    ``domaines`` are those of mail addresses, ``domaines_serveur`` those of FQDNs; ``fermes`` the usages that take no
    demande now.
    """

    offre: Offre
    structure: str | None
    raison_sociale: str | None
    beneficiaire: str | None
    beneficiaire_libelle: str | None
    domaines: tuple[DomaineOffert, ...]
    domaines_serveur: tuple[DomaineOffert, ...]
    fermes: frozenset[Usage]


class Apercu(msgspec.Struct, frozen=True, kw_only=True):
    """What a form would meet if it were sent now: its refusals, or what its certificate will say.

    ``subject`` in the order of guide figure 45, its organization cut as the certificate has it; ``raison_sociale`` is
    whole. The codes are those of TRE_G15, TRE_G16, TRE_R38 and TRE_G05.
    """

    refusals: tuple[IgcError, ...]
    subject: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    warnings: tuple[Warned, ...] = ()
    raison_sociale: str | None = None
    profession: int | None = None
    formation: int | None = None
    specialites: tuple[str, ...] = ()
    tableau_pharmacien: str | None = None


class StructureDroits(msgspec.Struct, frozen=True, kw_only=True):
    """All that an acteur administers on one structure; without raison sociale it has left the directory."""

    structure: str
    raison_sociale: str | None
    droits: tuple[Droit, ...]


class PerimetrePage(msgspec.Struct, frozen=True, kw_only=True):
    """Structures of an acteur by raison sociale, those that were looked for: ``total`` of ``en_tout``.

    ``pour_soi`` as of a ``DroitPage``. ``next_after`` is how many there were up to here, None at the end.
    """

    pour_soi: bool
    structures: tuple[StructureDroits, ...]
    total: int
    en_tout: int
    next_after: int | None


class CommonCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """What every search of the follow-up may name (guide §10): a numero, an index or an offre is needed.

    ``service_applicatif``, ``raison_sociale`` and the names may end with ``*`` for a beginning; the last two kinds are
    compared without case and accents. A beneficiaire, or a demandeur, is one person: his id and names together.
    """

    numero: int | None = None
    index_lot: int | None = None
    offre: Offre | None = None
    all_offres: bool = False
    usage: Usage | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: PersonneCriteria = PersonneCriteria()
    demandeur: PersonneCriteria = PersonneCriteria()
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: str | None = None


class SearchCriteria(CommonCriteria, frozen=True, kw_only=True):
    """Of demandes (guide §10.1.1). Instants are aware; ``since`` and ``until`` (exclusive) are of their recording.

    ``etat_produit`` (ours) is that of their certificates.
    """

    etat: EtatDemande | None = None
    etat_produit: EtatProduit | None = None
    since: datetime | None = None
    until: datetime | None = None


class RenewalCriteria(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for among what is to renew; ``jours``: what ends within so many days of 24 hours, or has ended."""

    offre: Offre | None = None
    usage: Usage | None = None
    structure: str | None = None
    beneficiaire: str | None = None
    jours: int | None = None


class ProduitCriteria(CommonCriteria, frozen=True, kw_only=True):
    """Of produits (guide §10.2.1), ``numero`` being that of the demande.

    Without ``etat`` those that were withdrawn or revoked, as on the guide's screen; À retirer is asked for. Instants
    are aware and their ends exclusive: ``issued_*`` of the signature, ``ends_*`` of the end of validity.
    """

    etat: EtatProduit | None = None
    issued_since: datetime | None = None
    issued_until: datetime | None = None
    ends_since: datetime | None = None
    ends_until: datetime | None = None


class ProduitView(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as its followers see it (guide figures 155 to 157); ``numero`` is that of its demande.

    ``autorite`` is the common name of the CA that issued it, ``serial`` lower-case hexadecimal, instants UTC.
    ``renouvelle`` and ``renouvelee_par`` are those of a ``DemandeView``.
    """

    numero: int
    canal: Canal
    index_lot: int | None
    position: int | None
    reference: str | None
    offre: Offre
    usage: Usage
    etat: EtatProduit
    emis_le: datetime
    not_before: datetime
    not_after: datetime
    revoque_le: datetime | None
    autorite: str
    serial: str
    structure: str | None
    raison_sociale: str | None
    beneficiaire: str | None
    beneficiaire_libelle: str | None
    demandeur: str
    service_applicatif: str | None
    adresse_email: str | None
    fqdns: tuple[str, ...]
    renouvelle: int | None = None
    renouvelee_par: int | None = None


class ProduitPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of produits, newest first; ``next_after`` as of demandes."""

    produits: tuple[ProduitView, ...]
    next_after: int | None


class ProduitDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A produit, the subject and names of its certificate, the contacts and the history of its demande."""

    produit: ProduitView
    subject: tuple[tuple[str, str], ...]
    historique: tuple[HistoriqueLine, ...]
    alternatives: tuple[Alternative, ...] = ()
    email_acteur: str | None = None
    email_informe: str | None = None


class Telechargement(msgspec.Struct, frozen=True, kw_only=True):
    """An active certificate to download: ``der`` alone, ``pkcs7`` certs-only DER with its chain. Public data."""

    produit: ProduitView
    der: bytes
    pkcs7: bytes


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are; ``more``: at least one more than this, nobody counted further."""

    nombre: int
    more: bool = False


class Echeance(msgspec.Struct, frozen=True, kw_only=True):
    """How many certificates in use end in a month of Paris, of those that end from now on."""

    annee: int
    mois: int
    compte: Count


class Brouillon(msgspec.Struct, frozen=True, kw_only=True):
    """A form under way: what was typed, by step; ``numero`` is the demande that it has become."""

    id: str
    genre: GenreBrouillon
    donnees: dict[str, Any]
    numero: int | None
    modifie_le: datetime
