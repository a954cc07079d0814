"""The words of the contract as enums: values are the strings of the XSD and of the database.

Sources: guide §6 (offres, usages), §8 to §10 (etats, history), §11 (revocation reasons).
"""

from __future__ import annotations

from enum import StrEnum


class Plateforme(StrEnum):
    """Guide §12: nothing of one plateforme is visible or usable from the other."""

    TEST = "TEST"
    PRODUCTION = "PRODUCTION"


class Canal(StrEnum):
    """Where a step of a demande came from."""

    IHM = "IHM"
    WS = "WS"
    SYSTEM = "SYSTEM"


class Offre(StrEnum):
    """Guide §6.1."""

    PS = "PS"
    PRO = "PRO"
    ORG = "ORG"
    SERV = "SERV"


ALL_OFFRES = "TOUTES"
"""What a search may ask for in the place of an offre (guide §10.1.1); no demande has it."""


class Usage(StrEnum):
    """Guide §7, table 8. The business usage; x509.KeyUsage keeps its own name."""

    AUTH = "AUTH"
    AUTH_CLI = "AUTH_CLI"
    SIGN = "SIGN"
    CONF = "CONF"
    SMIME = "S/MIME"
    SSL_SERV = "SSL_SERV"


# Guide §7, table 8: the thirteen products.
USAGES_BY_OFFRE: dict[Offre, tuple[Usage, ...]] = {
    Offre.PS: (Usage.AUTH, Usage.SIGN, Usage.CONF),
    Offre.PRO: (Usage.AUTH, Usage.SIGN, Usage.CONF),
    Offre.ORG: (Usage.AUTH_CLI, Usage.SIGN, Usage.CONF),
    Offre.SERV: (Usage.SSL_SERV, Usage.SIGN, Usage.SMIME, Usage.CONF),
}


_OFFRES = {offre.value: offre for offre in Offre}
_USAGES = {usage.value: usage for usage in Usage}


def offre_of(text: str | None) -> Offre | None:
    """The offre that a text names; None when it names none."""
    return _OFFRES.get(text or "")


def usage_of(text: str | None) -> Usage | None:
    """The usage that a text names, of whatever offre; None when it names none."""
    return _USAGES.get(text or "")


class EtatDemande(StrEnum):
    """Life of a demande, guide §10.1.1."""

    ENREGISTREE = "ENREGISTREE"
    VALIDEE = "VALIDEE"
    TRANSMISE = "TRANSMISE"
    CLOSE = "CLOSE"
    REJETEE = "REJETEE"
    NON_TRAITEE = "NON_TRAITEE"
    ANNULEE = "ANNULEE"


class EtatProduit(StrEnum):
    """Life of the certificate of a demande, guide §9 and §10.2. None before the signature; EXPIRE follows the date."""

    A_RETIRER = "A_RETIRER"
    ACTIF = "ACTIF"
    EXPIRE = "EXPIRE"
    REVOQUE = "REVOQUE"


class EtatRevocation(StrEnum):
    """Life of a demande de révocation, guide §10.3.1."""

    ENREGISTREE = "ENREGISTREE"
    VALIDEE = "VALIDEE"
    CLOSE = "CLOSE"
    NON_TRAITEE = "NON_TRAITEE"


class ResultatRevocation(StrEnum):
    """Ours: what a demande de révocation has led to, or will lead to on its day (PROGRAMMEE)."""

    REVOQUE = "REVOQUE"
    RAISON_CHANGEE = "RAISON_CHANGEE"
    DEJA_REVOQUE = "DEJA_REVOQUE"
    PROGRAMMEE = "PROGRAMMEE"
    REMPLACEE = "REMPLACEE"
    ABANDONNEE = "ABANDONNEE"
    EXPIRE = "EXPIRE"
    REFUSEE = "REFUSEE"


class Motif(StrEnum):
    """Guide §11.1.2: why somebody wants a certificate revoked."""

    VOL = "VOL"
    PERTE = "PERTE"
    FIN_ACTIVITE = "FIN_ACTIVITE"
    AUTRE = "AUTRE"


LABELS: dict[StrEnum, str] = {
    EtatDemande.ENREGISTREE: "Enregistrée",
    EtatDemande.VALIDEE: "Validée",
    EtatDemande.TRANSMISE: "Transmise",
    EtatDemande.CLOSE: "Close",
    EtatDemande.REJETEE: "Rejetée",
    EtatDemande.NON_TRAITEE: "Non traitée",
    EtatDemande.ANNULEE: "Annulée",
    EtatProduit.A_RETIRER: "À retirer",
    EtatProduit.ACTIF: "Actif",
    EtatProduit.EXPIRE: "Expiré",
    EtatProduit.REVOQUE: "Révoqué",
    Motif.VOL: "Vol",
    Motif.PERTE: "Perte",
    Motif.FIN_ACTIVITE: "Fin d'activité",
    Motif.AUTRE: "Autre",
}
"""What users read for each etat and motif; the labels are those of the guide. Each etat of a revocation has one too."""


class EtatLot(StrEnum):
    """Ours: a lot is TERMINE when no demande of it waits for the batch any more."""

    EN_COURS = "EN_COURS"
    TERMINE = "TERMINE"


class NatureNom(StrEnum):
    """Ours: what a name beside the subject of a certificate is (RFC 5280 §4.2.1.6; UPN is an otherName)."""

    EMAIL = "EMAIL"
    DNS = "DNS"
    UPN = "UPN"


class NatureLot(StrEnum):
    """Ours: what the items of a lot are."""

    CERTIFICATS = "CERTIFICATS"
    REVOCATIONS = "REVOCATIONS"


class TypePersonne(StrEnum):
    """Guide §7: deduced from the card."""

    PS = "PS"
    PF = "PF"
    PA = "PA"
    PE = "PE"


class TypeActeurInscrit(StrEnum):
    """Ours: who may be registered as an actor."""

    PERSONNE = "PERSONNE"
    APPLICATION = "APPLICATION"


class TypeActeur(StrEnum):
    """Column of the history, guide figures 147 and 167."""

    MANDATAIRE = "Mandataire"
    BENEFICIAIRE = "Bénéficiaire"
    PORTEUR_DU_CODE = "Porteur du code"  # ours: whoever knows a revocation code, without login
    SYSTEME = "PFCNG-MG"


class Role(StrEnum):
    """Guide §7, table 6."""

    ADMINISTRATEUR_TECHNIQUE = "ADMINISTRATEUR_TECHNIQUE"
    DEMANDEUR = "DEMANDEUR"
    PORTEUR_CL = "PORTEUR_CL"


class Action(StrEnum):
    """Guide §7, table 7."""

    DEMANDER = "DEMANDER"
    RENOUVELER = "RENOUVELER"
    RETIRER = "RETIRER"
    ANNULER = "ANNULER"
    REVOQUER = "REVOQUER"
    SUIVRE = "SUIVRE"


class CodeAction(StrEnum):
    """Steps of the history. Known from the guide (figures 147, 167): DCL_001, DCL_005, IGC_003, REV_001, IGC_007.

    The others are ours, in the same form; docs/historique.md lists them all.
    """

    RECORDED = "ACT_DCL_001"
    REJECTED = "ACT_DCL_004"
    VALIDATED = "ACT_DCL_005"
    CANCELLED = "ACT_DCL_006"
    WITHDRAWN = "ACT_RET_001"
    RENEWAL_RECORDED = "ACT_RNV_001"
    HANDED_TO_CA = "ACT_IGC_003"
    ISSUED = "ACT_IGC_004"
    NOT_PROCESSED = "ACT_IGC_005"
    CERTIFICATE_REVOKED = "ACT_IGC_006"
    NOT_WITHDRAWN = "ACT_IGC_008"
    REVOCATION_RECORDED = "ACT_REV_001"
    REVOCATION_GIVEN_UP = "ACT_REV_002"
    REVOCATION_CLOSED = "ACT_IGC_007"
    REVOCATION_NOT_PROCESSED = "ACT_IGC_009"


class NatureTexte(StrEnum):
    """What a withdrawal accepts beside the certificate (guide §9.2)."""

    CGU = "CGU"
    PC = "PC"


class GenreBrouillon(StrEnum):
    """What a form of the portal that is under way will become (ours)."""

    DEMANDE = "DEMANDE"
    RENOUVELLEMENT = "RENOUVELLEMENT"
    LOT = "LOT"


class SourceAnnuaire(StrEnum):
    """Ours: whose word an entry of the directory is. The later ones here go before the earlier ones."""

    LDAP = "LDAP"
    INITIAL = "INITIAL"
    RPPS = "RPPS"
    FINESS_EJ = "FINESS_EJ"
    FINESS_ET = "FINESS_ET"
    STRUCTURES = "STRUCTURES"
    PERSONNEL = "PERSONNEL"

    @property
    def rank(self) -> int:
        """An entry of a higher rank is not changed by the word of a lower one, as long as it is in force."""
        return _RANKS[self]


_RANKS = {source: rank for rank, source in enumerate(SourceAnnuaire)}


class EtatImport(StrEnum):
    """Ours: an import into the directory. TERMINE alone says that all of its file is there."""

    EN_COURS = "EN_COURS"
    TERMINE = "TERMINE"
    ABANDONNE = "ABANDONNE"


class Avis(StrEnum):
    """Notices by mail (guide §8.5 to 11.3); beside each its number in the list of the specification."""

    VALIDATED = "VALIDATION"  # M1
    RENEWAL = "RENOUVELLEMENT"  # M2: the renewal window has opened
    EXPIRY = "EXPIRATION"  # M3: two weeks before the end
    CANCELLED = "ANNULATION"  # M4: by somebody
    DEADLINE_OVER = "DELAI_DEPASSE"  # M5: cancelled, the delay of withdrawal being over
    AVAILABLE = "MISE_A_DISPOSITION"  # M6
    WITHDRAWN = "RETRAIT"  # M7
    REVOKED = "REVOCATION"  # M8


class EtatAvis(StrEnum):
    """Ours: where a notice stands. A_REUNIR is still to be gathered with others into one mail."""

    TO_GATHER = "A_REUNIR"
    TO_SEND = "A_ENVOYER"
    SENT = "ENVOYE"
    REFUSED = "REFUSE"
    MOOT = "SANS_OBJET"


class Saisie(StrEnum):
    """How a name is written in front of a domain of an habilitation (ours; guide §8.2.3, §8.3.3: three forms)."""

    NON_MODIFIABLE = "NON_MODIFIABLE"
    FACULTATIVE = "FACULTATIVE"
    OBLIGATOIRE = "OBLIGATOIRE"


class RoleAvis(StrEnum):
    """Ours: as whom somebody is told (guide §8.5): the acteur of the demande, or a person to inform."""

    ACTEUR = "ACTEUR"
    INFORME = "INFORME"


class Acte(StrEnum):
    """Acts that the audit trail tells (ours); docs/piste-audit.md says what each line holds."""

    INTENT = "INTENTION"
    ABANDONED = "ABANDON"
    ISSUED = "EMISSION"
    REFUSED = "REFUS"
    WITHDRAWN = "RETRAIT"
    REVOKED = "REVOCATION"
    KEY_BLOCKED = "CLE_INTERDITE"
    CRL = "CRL"
    HISTORY = "HISTORIQUE"
    WORKER_STARTED = "DEMARRAGE"
    RESTORED = "RESTAURATION"
    ACTEUR = "ACTEUR"
    IDENTITY = "IDENTITE"
    IDENTITY_ENDED = "FIN_IDENTITE"
    GRANTED = "HABILITATION"
    ENDED = "FIN_HABILITATION"
    IMPORTED = "IMPORT_ANNUAIRE"
    PRODUCT_CLOSED = "PRODUIT_FERME"
    PRODUCT_OPENED = "PRODUIT_OUVERT"
    APPOINTED = "ADMINISTRATEUR"
    DISMISSED = "FIN_ADMINISTRATEUR"
    OPERATOR_NAMED = "OPERATEUR"
    OPERATOR_ENDED = "FIN_OPERATEUR"
    NOTICES_RETRIED = "AVIS_RELANCES"
    REVOKED_BY_CODE = "REVOCATION_PAR_CODE"
    CODES_REFUSED = "CODES_REFUSES"


def product_code(offre: Offre, usage: Usage) -> str:
    """The key of the CA core's profile table, e.g. ``ORG_AUTH_CLI``; S/MIME loses its slash."""
    return f"{offre.value}_{usage.value.replace('/', '')}"
