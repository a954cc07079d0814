"""One error type inside, one catalogue of codes with their French wording; each canal renders it its own way.

Codes ERR_IHM_nnn are those of the guide (§13), worded by us; ERR_WS_nnn are ours. Texts are built from the
catalogue only, so that nothing of a library's message ever reaches a user.
"""

from __future__ import annotations

from enum import StrEnum
from string import Formatter


class Code(StrEnum):
    """Every code a user can meet, with its French text behind it in ``TEXTS``."""

    WORKSTATION_UNFIT = "ERR_IHM_001"
    LOGIN_FAILED = "ERR_IHM_002"
    CSR_REFUSED = "ERR_IHM_007"
    TIERS_NOT_SEARCHED = "ERR_IHM_003"
    OFFRE_MISSING = "ERR_IHM_004"
    STRUCTURE_UNKNOWN = "ERR_IHM_005"
    BENEFICIAIRE_MISSING = "ERR_IHM_006"
    CODE_REVOCATION_MISSING = "ERR_IHM_009"
    CODE_REVOCATION_MISMATCH = "ERR_IHM_010"
    CODE_REVOCATION_WEAK = "ERR_IHM_011"
    CGU_NOT_ACCEPTED = "ERR_IHM_012"
    RETRAIT_FAILED = "ERR_IHM_013"
    CODE_REFUSED = "ERR_IHM_015"
    CAPTCHA_REFUSED = "ERR_IHM_016"
    RETRAIT_NOT_REQUESTER = "ERR_IHM_017"
    TIERS_UNKNOWN = "ERR_IHM_018"
    PRODUCT_CLOSED = "ERR_IHM_019"
    HABILITATION_LOST = "ERR_IHM_020"
    NOBODY_IN_STRUCTURE = "ERR_IHM_021"
    DIRECTORY_AWAY = "ERR_IHM_024"
    SEARCH_TOO_WIDE = "ERR_IHM_025"
    HABILITATION_MISSING = "ERR_IHM_026"
    BENEFICIAIRE_NOT_ENTITLED = "ERR_IHM_027"
    CLE_TIME_OVER = "ERR_IHM_028"
    CLE_IMPOSSIBLE = "ERR_IHM_031"
    CLE_STORE_CLOSED = "ERR_IHM_033"
    CLE_UNREADABLE = "ERR_IHM_043"
    CLE_NOT_HERE = "ERR_IHM_044"
    CLE_OF_PAST_CERTIFICATE = "ERR_IHM_045"
    CLE_NOT_PACKED = "ERR_IHM_050"
    CLE_OF_ANOTHER = "ERR_IHM_051"
    CLE_PASSWORD_WRONG = "ERR_IHM_054"  # noqa: S105 -- the name of a code
    EMAIL_SYNTAX = "ERR_IHM_056"
    EMAIL_ACTEUR_SYNTAX = "ERR_IHM_057"
    EMAIL_INFORME_SYNTAX = "ERR_IHM_058"
    USAGE_MISSING = "ERR_IHM_060"
    SERVICE_APPLICATIF_MISSING = "ERR_IHM_061"
    FQDN_MISSING = "ERR_IHM_062"
    FQDN_SYNTAX = "ERR_IHM_062_2"
    VALIDATION_FAILED = "ERR_IHM_063"
    EMAIL_TAKEN = "ERR_IHM_064"

    XML_MALFORMED = "ERR_WS_001"
    DTD_FORBIDDEN = "ERR_WS_002"
    ENCODING_REFUSED = "ERR_WS_003"
    MEDIA_TYPE = "ERR_WS_004"
    TOO_LARGE = "ERR_WS_005"
    ENVELOPE = "ERR_WS_006"
    MUST_UNDERSTAND = "ERR_WS_007"
    SCHEMA = "ERR_WS_008"
    BASE64 = "ERR_WS_009"
    DATETIME_ZONE = "ERR_WS_010"
    TOO_MANY_ITEMS = "ERR_WS_011"
    UNKNOWN_OPERATION = "ERR_WS_012"
    SECURITY_HEADER = "ERR_WS_013"
    VERSION_MISMATCH = "ERR_WS_014"
    NO_CERTIFICATE = "ERR_WS_020"
    CERTIFICATE_REFUSED = "ERR_WS_021"
    CERTIFICATE_REVOKED = "ERR_WS_022"
    CERTIFICATE_WRONG_PLATEFORME = "ERR_WS_023"
    ACTEUR_UNKNOWN = "ERR_WS_024"
    NO_RIGHT = "ERR_WS_025"
    REVOCATION_STATUS_UNAVAILABLE = "ERR_WS_026"
    SUBJECT_REFUSED = "ERR_WS_027"
    LOT_CONFLICT = "ERR_WS_030"
    LOT_UNKNOWN = "ERR_WS_031"
    DEMANDE_UNKNOWN = "ERR_WS_032"
    NOT_READY = "ERR_WS_033"
    NOT_WITHDRAWABLE = "ERR_WS_034"
    CANCEL_TOO_LATE = "ERR_WS_035"
    FIELD_FORBIDDEN = "ERR_WS_036"
    FIELD_INVALID = "ERR_WS_037"
    CRITERIA_INVALID = "ERR_WS_038"
    DOMAIN_NOT_ENTITLED = "ERR_WS_039"
    NOT_PROCESSED = "ERR_WS_040"
    DOMAIN_RESERVED = "ERR_WS_041"
    UPN_DOMAIN_REFUSED = "ERR_WS_042"
    RENEWAL_OUTSIDE_WINDOW = "ERR_WS_043"
    NOT_RENEWABLE = "ERR_WS_044"
    RENEWAL_TAKEN = "ERR_WS_045"
    NOT_ACTIVE = "ERR_WS_049"
    BUSY = "ERR_WS_050"
    REVOCATION_NOT_CONFIRMED = "ERR_WS_060"
    REVOCATION_TO_CANCEL = "ERR_WS_061"
    REVOCATION_NOT_ACTIVE = "ERR_WS_062"
    CERTIFICATE_UNKNOWN = "ERR_WS_063"
    REVOCATION_UNKNOWN = "ERR_WS_064"
    REVOCATION_NOT_PENDING = "ERR_WS_065"
    LOT_OF_OTHER_NATURE = "ERR_WS_066"
    REVOCATION_PENDING = "ERR_WS_067"
    CODE_TRIED_TOO_OFTEN = "ERR_WS_070"
    PROOF_SPENT = "ERR_WS_071"
    INTERNAL = "ERR_WS_099"


_EMAIL_LIMITS = " (64 caractères au plus avant @, 254 en tout)"

TEXTS: dict[Code, str] = {
    Code.WORKSTATION_UNFIT: (
        "Ce poste n'est pas prêt pour la carte : le portail n'a reçu de lui aucun certificat qui ouvre cette porte."
    ),
    Code.LOGIN_FAILED: "La connexion n'a pas abouti : le portail ne sait pas qui vous êtes.",
    Code.CSR_REFUSED: "La CSR fournie n'est pas conforme : {raison} Fournissez une autre CSR.",
    Code.TIERS_NOT_SEARCHED: "Recherchez d'abord le tiers pour lequel agir, puis sélectionnez-le.",
    Code.OFFRE_MISSING: "Choisissez une offre : PS, PRO, ORG ou SERV.",
    Code.STRUCTURE_UNKNOWN: "Indiquez une structure connue de la plateforme.",
    Code.BENEFICIAIRE_MISSING: "Indiquez un bénéficiaire connu de la plateforme et rattaché à la structure.",
    Code.CODE_REVOCATION_MISSING: "Indiquez le code de révocation et sa confirmation.",
    Code.CODE_REVOCATION_MISMATCH: "Le code de révocation et sa confirmation sont différents.",
    Code.CODE_REVOCATION_WEAK: (
        "Le code de révocation est trop faible ou ne pourrait pas être retapé : 12 caractères au moins, dont une "
        "majuscule, une minuscule et un caractère qui n'est ni une lettre ni un chiffre, sans caractère invisible ni "
        "autre espace que celle du clavier."
    ),
    Code.CGU_NOT_ACCEPTED: "Le retrait suppose l'acceptation du certificat, des CGU et de la PC par le bénéficiaire.",
    Code.RETRAIT_FAILED: "Le produit n'a pas pu être retiré : {raison}",
    Code.CODE_REFUSED: (
        "L'autorité de certification, le numéro de série ou le code de révocation ne convient pas : aucun certificat "
        "actif ne répond à ces trois éléments ensemble."
    ),
    Code.CAPTCHA_REFUSED: "Les caractères recopiés ne sont pas ceux de l'image, ou l'image a déjà servi.",
    Code.RETRAIT_NOT_REQUESTER: "Seul l'acteur qui a demandé le produit peut le retirer.",
    Code.TIERS_UNKNOWN: "Ce numéro n'est pas celui d'un tiers pour lequel vous pouvez agir.",
    Code.PRODUCT_CLOSED: "Ce produit ne peut pas être demandé pour le moment : il est fermé aux nouvelles demandes.",
    Code.HABILITATION_LOST: (
        "Vous n'avez pas, ou plus, l'habilitation nécessaire pour demander ce produit pour la structure {valeur} : "
        "choisissez un autre produit ou une autre structure."
    ),
    Code.NOBODY_IN_STRUCTURE: "Aucune personne n'est rattachée à cette structure dans l'annuaire.",
    Code.DIRECTORY_AWAY: "L'annuaire ne répond pas pour le moment ; recommencez dans quelques minutes.",
    Code.SEARCH_TOO_WIDE: "Précisez un numéro de demande, un index de lot ou une offre.",
    Code.HABILITATION_MISSING: "Vous n'avez pas l'habilitation nécessaire pour cette opération.",
    Code.BENEFICIAIRE_NOT_ENTITLED: "Le bénéficiaire n'a pas l'habilitation nécessaire pour cette opération.",
    Code.CLE_TIME_OVER: (
        "La création de la clé et de la CSR n'a pas abouti dans le temps imparti. Envoyez à nouveau : une clé déjà "
        "faite dans ce navigateur est reprise."
    ),
    Code.CLE_IMPOSSIBLE: (
        "Ce navigateur ne peut pas créer la clé et la CSR, ou ne peut pas garder la clé. Recommencez hors d'une "
        "fenêtre privée ou avec un autre navigateur, ou chargez une CSR faite par vos soins."
    ),
    Code.CLE_STORE_CLOSED: (
        "Ce navigateur ne donne pas accès aux clés qu'il garde. Recommencez le retrait hors d'une fenêtre privée ; si "
        "le refus dure, signalez-le à l'assistance."
    ),
    Code.CLE_UNREADABLE: (
        "La clé gardée par ce navigateur est abîmée. Importez sa copie chiffrée si vous en avez une, puis recommencez "
        "le retrait."
    ),
    Code.CLE_NOT_HERE: (
        "Ce navigateur ne garde aucune clé : celle de ce certificat a été faite avec un autre navigateur ou sur un "
        "autre poste. Reprenez le retrait là-bas, ou importez la copie chiffrée de la clé. Si elle est perdue, faites "
        "une nouvelle demande."
    ),
    Code.CLE_OF_PAST_CERTIFICATE: (
        "Ce certificat n'est plus en cours de validité : aucun fichier ne peut en être fait. Faites une nouvelle "
        "demande."
    ),
    Code.CLE_NOT_PACKED: (
        "Le fichier PKCS#12 n'a pas pu être composé. Recommencez le retrait ; si le refus dure, signalez-le à "
        "l'assistance."
    ),
    Code.CLE_OF_ANOTHER: (
        "Les clés de ce navigateur sont celles d'autres demandes, aucune n'est celle de ce certificat. Reprenez le "
        "retrait avec le navigateur de la demande, ou importez la copie chiffrée de la clé. Si elle est perdue, faites "
        "une nouvelle demande."
    ),
    Code.CLE_PASSWORD_WRONG: (
        "Ce n'est pas le mot de passe de retrait choisi à la demande. Recommencez ; attention à le distinguer du code "
        "de révocation."
    ),
    Code.EMAIL_SYNTAX: f"L'adresse email du certificat n'est pas une adresse valide{_EMAIL_LIMITS}.",
    Code.EMAIL_ACTEUR_SYNTAX: f"L'email de l'acteur n'est pas une adresse valide{_EMAIL_LIMITS}.",
    Code.EMAIL_INFORME_SYNTAX: f"L'email de la personne à informer n'est pas une adresse valide{_EMAIL_LIMITS}.",
    Code.USAGE_MISSING: "Choisissez un usage de l'offre.",
    Code.SERVICE_APPLICATIF_MISSING: "Le service applicatif est obligatoire pour ce produit.",
    Code.FQDN_MISSING: "Indiquez au moins un FQDN, et cinq au plus.",
    Code.FQDN_SYNTAX: (
        "Le nom de domaine « {valeur} » du champ FQDN n'est pas valide : un nom complet est attendu, 253 caractères au "
        "plus, et 63 entre deux points."
    ),
    Code.VALIDATION_FAILED: "La demande n'a pas pu être validée : {raison}",
    Code.EMAIL_TAKEN: "L'adresse email du certificat appartient déjà à un autre porteur.",
    Code.XML_MALFORMED: "Le message n'est pas un document XML bien formé.",
    Code.DTD_FORBIDDEN: "Le message contient une déclaration DOCTYPE ou une instruction de traitement : refusé.",
    Code.ENCODING_REFUSED: "Le message doit être encodé en UTF-8 ou UTF-16, sans compression.",
    Code.MEDIA_TYPE: (
        "Type de contenu refusé : envoyez text/xml (SOAP 1.1) ou application/soap+xml (SOAP 1.2), sans pièce jointe."
    ),
    Code.TOO_LARGE: "Le message dépasse la taille ou la complexité permise ({limite}).",
    Code.ENVELOPE: "L'enveloppe SOAP n'est pas conforme : {raison}",
    Code.MUST_UNDERSTAND: "Le message exige un en-tête que ce service ne traite pas.",
    Code.SCHEMA: "Le message ne respecte pas le schéma publié : {raison}",
    Code.BASE64: "Une valeur base64 du message est mal formée.",
    Code.DATETIME_ZONE: (
        "Une date-heure du message est sans fuseau horaire ou impossible ; écrivez par exemple 2026-11-23T08:00:00Z."
    ),
    Code.TOO_MANY_ITEMS: "Un lot contient de 1 à {limite} demandes.",
    Code.UNKNOWN_OPERATION: "Opération inconnue de ce service.",
    Code.SECURITY_HEADER: (
        "Le message porte un en-tête de sécurité (WS-Security), que ce service ne lit pas : envoyez-le sans cet "
        "en-tête, le TLS mutuel suffit."
    ),
    Code.VERSION_MISMATCH: (
        "L'enveloppe n'est pas celle de la version de SOAP que le type de contenu annonce : text/xml pour SOAP 1.1, "
        "application/soap+xml pour SOAP 1.2."
    ),
    Code.NO_CERTIFICATE: "Présentez un certificat client de la plateforme (TLS mutuel).",
    Code.CERTIFICATE_REFUSED: "Le certificat client présenté n'est pas accepté par ce service.",
    Code.CERTIFICATE_REVOKED: "Le certificat client présenté est révoqué ou n'est plus en vigueur.",
    Code.CERTIFICATE_WRONG_PLATEFORME: (
        "Le certificat client présenté appartient à l'autre plateforme (TEST ou PRODUCTION)."
    ),
    Code.ACTEUR_UNKNOWN: "Le certificat client présenté n'est rattaché à aucun acteur inscrit.",
    Code.NO_RIGHT: "L'acteur n'a aucune habilitation sur cette plateforme.",
    Code.REVOCATION_STATUS_UNAVAILABLE: (
        "L'état de révocation de votre certificat ne peut pas être vérifié ; réessayez plus tard."
    ),
    Code.SUBJECT_REFUSED: "L'identité que Pro Santé Connect a transmise n'est pas celle d'une personne reconnue ici.",
    Code.LOT_CONFLICT: "Cette référence de lot a déjà servi pour un autre contenu (lot {index}).",
    Code.LOT_UNKNOWN: "Aucun lot visible par vous ne porte cet index ou cette référence.",
    Code.DEMANDE_UNKNOWN: "Aucune demande visible par vous ne porte ce numéro.",
    Code.NOT_READY: "Le certificat de cette demande n'est pas encore à retirer (état {etat}).",
    Code.NOT_WITHDRAWABLE: "Le retrait n'est plus possible : {raison}",
    Code.CANCEL_TOO_LATE: "Cette demande ne peut plus être annulée (état {etat}).",
    Code.FIELD_FORBIDDEN: "Le champ « {champ} » n'existe pas pour ce produit.",
    Code.FIELD_INVALID: "Le champ « {champ} » est invalide : {raison}",
    Code.CRITERIA_INVALID: "Critères de recherche incompatibles : {raison}",
    Code.DOMAIN_NOT_ENTITLED: "Votre habilitation ne couvre pas le domaine « {valeur} ».",
    Code.NOT_PROCESSED: (
        "La demande n'a pas pu être traitée après plusieurs essais ; elle peut être présentée à nouveau."
    ),
    Code.DOMAIN_RESERVED: (
        "Le domaine « {valeur} » est celui d'une structure : une adresse de ce domaine se demande par elle, sur "
        "l'offre PRO."
    ),
    Code.UPN_DOMAIN_REFUSED: "Le domaine « {valeur} » n'est pas admis dans l'UPN d'un produit PS.",
    Code.RENEWAL_OUTSIDE_WINDOW: (
        "Ce produit n'est pas renouvelable en ce moment : sa fenêtre de renouvellement va du {debut} au {fin}."
    ),
    Code.NOT_RENEWABLE: "Ce produit n'est pas renouvelable : {raison}",
    Code.RENEWAL_TAKEN: "Ce produit a déjà un renouvellement : {raison}",
    Code.NOT_ACTIVE: "Seul un certificat actif se télécharge : {raison}",
    Code.BUSY: "Le service est très sollicité ; réessayez dans quelques instants.",
    Code.REVOCATION_NOT_CONFIRMED: "Confirmez la révocation : elle est définitive.",
    Code.REVOCATION_TO_CANCEL: (
        "Ce certificat n'est pas encore retiré : annulez la demande n° {numero} au lieu de le révoquer."
    ),
    Code.REVOCATION_NOT_ACTIVE: "Il n'y a pas de certificat actif à révoquer : {raison}",
    Code.CERTIFICATE_UNKNOWN: "Aucun certificat visible par vous ne porte ce numéro chez cette autorité.{indice}",
    Code.REVOCATION_UNKNOWN: "Aucune demande de révocation visible par vous ne porte ce numéro.",
    Code.REVOCATION_NOT_PENDING: "Cette demande de révocation n'attend plus son jour (état {etat}).",
    Code.LOT_OF_OTHER_NATURE: "Le lot {index} est un lot de {nature} : cette opération ne s'y applique pas.",
    Code.REVOCATION_PENDING: (
        "Une révocation de ce certificat est déjà prévue le {jour}{laquelle} : abandonnez-la d'abord, ou révoquez "
        "immédiatement."
    ),
    Code.CODE_TRIED_TOO_OFTEN: (
        "Trop d'essais pour le moment : un nouvel essai depuis votre connexion est possible à partir du {heure}."
    ),
    Code.PROOF_SPENT: "Cette page a déjà servi ou a été ouverte il y a trop longtemps : reprenez à la première étape.",
    Code.INTERNAL: "Erreur interne du service, incident {incident}. Rien n'a été enregistré.",
}
"""French wording of each code; ``{names}`` are filled from the error's data."""


class Caution(StrEnum):
    """What refuses nothing, and who verifies a lot should look at all the same; texts in ``CAUTIONS``."""

    INSI_NAME = "AVT_WS_001"
    SUBJECT_CHANGES = "AVT_WS_002"


CAUTIONS: dict[Caution, str] = {
    Caution.INSI_NAME: (
        "Le nom « {valeur} » ressemble à INSI-AUTO ou INSI-MANU sans l'être : le téléservice INSi ne reconnaît que ces "
        "deux noms, écrits exactement ainsi."
    ),
    Caution.SUBJECT_CHANGES: (
        "Le sujet ne sera pas celui du certificat renouvelé, « {avant} » : prévenez ceux qui le reconnaissent par son "
        "sujet."
    ),
}
"""French wording of each, as ``TEXTS``."""

DETAIL_WITHHELD = (
    "Le détail de ce refus n'est pas montré : vous n'avez pas, ou plus, l'habilitation sur ce que la demande nomme."
)
_WITHOUT_DATA = {
    code.value: text for code, text in TEXTS.items() if all(name is None for _, name, _, _ in Formatter().parse(text))
}


def text_without_data(code: str) -> str:
    """What a code says to who may not read the demande: its text where that names nothing, else DETAIL_WITHHELD."""
    return _WITHOUT_DATA.get(code, DETAIL_WITHHELD)


class IgcError(Exception):
    """A refusal in the user's words: code, place and data; ``str(error)`` is the French text.

    ``position`` is the 1-based place of the item in its lot, ``champ`` the name of the field in the contract.
    """

    def __init__(self, code: Code, *, champ: str | None = None, position: int | None = None, **data: object) -> None:
        """Build the error; raises KeyError at once when the catalogue's text needs data that is not given."""
        self.code = code
        self.champ = champ
        self.position = position
        self.data = data if champ is None else {"champ": champ, **data}
        self.text = TEXTS[code].format(**self.data)
        super().__init__(self.text)


class NotAtOnceError(Exception):
    """What was asked for at once takes longer: to be asked again where time may be taken. Never told to a user."""


class AccessError(IgcError):
    """The sender, not the message, is refused: no certificate, unknown actor, no right."""


class NotFoundError(IgcError):
    """Nothing the actor may see answers to that index or number; same answer whether it exists or not."""


class DirectoryAwayError(IgcError):
    """The directory does not answer, or not in time: ERR_IHM_024. What the tables know is not affected."""


class ConflictError(IgcError):
    """The state of the plateforme refuses the act: reference reused, withdrawal too early, cancellation too late."""
