"""The contract's types that speak of certificates once they are signed; same form as in ``values``."""

from __future__ import annotations

from clients.contract.values import AttributSujet, ContractValue, Instant, LigneHistorique

ETATS_PRODUIT = ("A_RETIRER", "ACTIF", "EXPIRE", "REVOQUE")


class Produit(ContractValue, frozen=True, kw_only=True):
    """A certificate that the actor may follow; ``numero_produit`` is the number of its demande."""

    numero_produit: int
    canal: str
    index_lot: int | None = None
    position: int | None = None
    reference: str | None = None
    offre: str
    usage: str
    etat_produit: str
    emis_le: Instant
    debut_validite: Instant
    fin_validite: Instant
    revoque_le: Instant | None = None
    autorite: str
    numero_serie: str
    structure: str | None = None
    raison_sociale: str | None = None
    beneficiaire: str | None = None
    nom_beneficiaire: str | None = None
    demandeur: str
    service_applicatif: str | None = None
    adresse_email: str | None = None
    fqdn: tuple[str, ...] = ()
    renouvelle: int | None = None
    renouvelee_par: int | None = None


class PageProduits(ContractValue, frozen=True, kw_only=True):
    """A page of ``nombre`` produits; ``suivant`` goes back as ``a_partir_de``, absent on the last page."""

    nombre: int
    produit: tuple[Produit, ...] = ()
    suivant: int | None = None


class CriteresProduits(ContractValue, frozen=True, kw_only=True):
    """A ``numero_produit``, an ``index_lot`` or an ``offre`` (or ``ALL_OFFRES``) is needed; instants are aware.

    Without ``etat_produit`` the service leaves out those that are still to be withdrawn.
    """

    numero_produit: int | None = None
    index_lot: int | None = None
    offre: str | None = None
    usage: str | None = None
    etat_produit: str | None = None
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
    emis_depuis: Instant | None = None
    emis_jusqua: Instant | None = None
    fin_depuis: Instant | None = None
    fin_jusqua: Instant | None = None


class DetailProduit(ContractValue, frozen=True, kw_only=True):
    """A produit, the subject of its certificate and the history of its demande."""

    produit: Produit
    attribut_sujet: tuple[AttributSujet, ...] = ()
    ligne_historique: tuple[LigneHistorique, ...] = ()


class CertificatActif(ContractValue, frozen=True, kw_only=True):
    """An active certificate: alone, and with its chain as PKCS#7; both DER."""

    produit: Produit
    certificat: bytes
    pkcs7: bytes
