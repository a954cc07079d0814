"""The contract's types that speak of revocations, as frozen Python values."""

from __future__ import annotations

from clients.contract.values import ContractValue, ErreurDemande, Instant, LigneHistorique

MOTIFS = ("VOL", "PERTE", "FIN_ACTIVITE", "AUTRE")
ETATS_REVOCATION = ("VALIDEE", "CLOSE", "NON_TRAITEE")
ROLES = ("PORTEUR", "ADMINISTRATEUR")


class DemandeRevocation(ContractValue, frozen=True, kw_only=True):
    """One wish to revoke: of ``numero_produit``, or of ``autorite`` and ``numero_serie``.

    ``date_effet`` is a day, ``AAAA-MM-JJ``; without it the certificate is revoked at once. ``confirmation`` must be
    true: a revocation is final.
    """

    reference: str | None = None
    numero_produit: int | None = None
    autorite: str | None = None
    numero_serie: str | None = None
    motif: str | None = None
    autre_motif: str | None = None
    date_effet: str | None = None
    en_tant_que: str | None = None
    email_acteur: str | None = None
    confirmation: bool | None = None


class LotRevocations(ContractValue, frozen=True, kw_only=True):
    """1 to 10 000 of them under a reference of the sender, which makes the deposit safe to repeat."""

    reference: str
    revocation: tuple[DemandeRevocation, ...]


class AccuseRevocation(ContractValue, frozen=True, kw_only=True):
    """What became of one certificate; DEJA_REVOQUE is a success."""

    resultat: str
    numero_revocation: int | None = None
    numero_produit: int
    autorite: str
    numero_serie: str
    motif: str | None = None
    effet_le: Instant | None = None
    revoque_le: Instant | None = None
    raison_crl: str | None = None


class VerdictRevocation(ContractValue, frozen=True, kw_only=True):
    """What a deposit would decide for one item."""

    position: int
    reference: str | None = None
    acceptable: bool
    accuse: AccuseRevocation | None = None
    erreur: tuple[ErreurDemande, ...] = ()


class BilanVerificationRevocations(ContractValue, frozen=True, kw_only=True):
    """The verdicts on a lot of which nothing was recorded."""

    nombre: int
    acceptables: int
    refusees: int
    verdict: tuple[VerdictRevocation, ...] = ()


class RevocationSuivie(ContractValue, frozen=True, kw_only=True):
    """A demande de révocation; ``effet_le`` is when it was to take effect, ``revoque_le`` when the certificate was."""

    numero_revocation: int
    canal: str
    index_lot: int | None = None
    position: int | None = None
    reference: str | None = None
    etat: str
    resultat: str
    motif: str | None = None
    autre_motif: str | None = None
    effet_le: Instant | None = None
    remplacee_par: int | None = None
    demandeur: str | None = None
    numero_produit: int | None = None
    autorite: str | None = None
    numero_serie: str | None = None
    revoque_le: Instant | None = None
    raison_crl: str | None = None
    offre: str | None = None
    usage: str | None = None
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    nom_beneficiaire: str | None = None
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: tuple[str, ...] = ()
    cree_le: Instant
    modifie_le: Instant
    erreur: ErreurDemande | None = None

    @property
    def code_refus(self) -> str | None:
        """Why it was refused, as a code."""
        return None if self.erreur is None else self.erreur.code

    @property
    def texte_refus(self) -> str | None:
        """Why it was refused, in words."""
        return None if self.erreur is None else self.erreur.texte


class PageRevocations(ContractValue, frozen=True, kw_only=True):
    """A page of ``nombre``; ``suivant`` goes back as ``a_partir_de``, absent on the last page."""

    nombre: int
    revocation: tuple[RevocationSuivie, ...] = ()
    suivant: int | None = None


class CriteresRevocation(ContractValue, frozen=True, kw_only=True):
    """Every criterion may be left out; instants are aware."""

    numero_revocation: int | None = None
    numero_produit: int | None = None
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


class DetailRevocation(ContractValue, frozen=True, kw_only=True):
    """One with its whole history."""

    revocation: RevocationSuivie
    ligne_historique: tuple[LigneHistorique, ...] = ()
