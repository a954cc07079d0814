"""Where our own codes are met and what to do then: the words of docs/erreurs.md."""

from __future__ import annotations

from collections.abc import Mapping

from registration.errors import Code
from registration.reference.entry import (
    ALWAYS_026,
    ANNULATION,
    IN_002,
    IN_063,
    NO_LOT,
    NO_MESSAGE,
    NO_PRO_SANTE_CONNECT,
    PRODUITS,
    RETRAIT,
    REVOCATION,
    WITHOUT_LOGIN,
    Entry,
)

OWN: Mapping[Code, Entry] = {
    Code.XML_MALFORMED: Entry(
        "message",
        "XML mal formé",
        ihm=NO_MESSAGE,
    ),
    Code.DTD_FORBIDDEN: Entry(
        "message",
        "DOCTYPE ou instruction de traitement",
        ihm=NO_MESSAGE,
    ),
    Code.ENCODING_REFUSED: Entry(
        "message",
        "autre encodage que UTF-8 ou UTF-16, ou corps compressé",
        ihm=NO_MESSAGE,
    ),
    Code.MEDIA_TYPE: Entry(
        "message",
        "type de contenu inattendu, pièces jointes",
        ihm=NO_MESSAGE,
    ),
    Code.TOO_LARGE: Entry(
        "message",
        "une limite de taille ou de complexité (éléments, commentaires, attributs, espaces de noms) est "
        "dépassée : couper le lot",
        ihm=NO_MESSAGE,
    ),
    Code.ENVELOPE: Entry(
        "message",
        "l'enveloppe SOAP n'a pas la forme attendue ; ou l'en-tête `pourLeCompteDe` est répété, mal formé, d'un "
        "autre espace de noms ou mal nommé : il n'est jamais ignoré",
        ihm=NO_MESSAGE,
    ),
    Code.MUST_UNDERSTAND: Entry(
        "message",
        "un en-tête à comprendre (`mustUnderstand`) nous est adressé ; en SOAP 1.2, `NotUnderstood` le nomme",
        ihm=NO_MESSAGE,
    ),
    Code.SCHEMA: Entry(
        "message",
        "le XSD publié n'est pas respecté ; position et champ disent où est la première faute, `faute` les "
        "dit toutes, vingt au plus (`autresFautes` compte le reste), chacune avec la valeur reçue et ce qui "
        "est permis. Dans une demande d'un lot, le XSD ne juge que la structure : aucune valeur n'y refuse le "
        "message",
        ihm=NO_MESSAGE,
    ),
    Code.BASE64: Entry(
        "élément",
        "la `csr` de cette demande n'est pas du base64 : encoder le DER, sans rien d'autre (du PEM est "
        "ERR_IHM_007, qui le dit)",
        ihm=NO_MESSAGE,
    ),
    Code.DATETIME_ZONE: Entry(
        "message",
        "date-heure sans fuseau, ou qu'aucun calendrier ne connaît ; `faute` les dit toutes",
        ihm=NO_MESSAGE,
    ),
    Code.TOO_MANY_ITEMS: Entry(
        "message",
        "le nombre de demandes du lot est hors limite",
        ihm=NO_MESSAGE,
    ),
    Code.UNKNOWN_OPERATION: Entry(
        "message",
        "opération inconnue",
        ihm=NO_MESSAGE,
    ),
    Code.SECURITY_HEADER: Entry(
        "message",
        "un en-tête WS-Security, ou de signature ou chiffrement XML, nous est adressé, même facultatif : ne "
        "rien en dire laisserait croire qu'il a été vérifié",
        ihm=NO_MESSAGE,
    ),
    Code.VERSION_MISMATCH: Entry(
        "message",
        "la racine n'est pas l'enveloppe de la version annoncée (faute `VersionMismatch`) ; un en-tête "
        "`Upgrade` de la réponse nomme les enveloppes connues",
        ihm=NO_MESSAGE,
    ),
    Code.NO_CERTIFICATE: Entry(
        "accès",
        "aucun certificat client présenté, en TLS 1.2 comme en 1.3",
        ihm=IN_002,
    ),
    Code.CERTIFICATE_REFUSED: Entry(
        "accès",
        "le certificat n'est pas fait pour l'authentification (`digitalSignature`, `clientAuth`), n'a pas la "
        "forme que nos AC donnent, ou vient d'une AC de notre racine qui n'est pas de cette plateforme ; "
        "celui d'une AC inconnue ne vient pas jusque là : la poignée de main finit par une alerte TLS "
        "(`unknown_ca`)",
    ),
    Code.CERTIFICATE_REVOKED: Entry(
        "accès",
        "révoqué, expiré ou pas encore valable, ou l'AC qui l'a émis est sur la CRL de sa racine : le faire renouveler",
    ),
    Code.CERTIFICATE_WRONG_PLATEFORME: Entry(
        "accès",
        "certificat de TEST sur PRODUCTION, ou l'inverse",
    ),
    Code.ACTEUR_UNKNOWN: Entry(
        "accès",
        "le certificat est bon, mais n'est ni une carte, ni rattaché à une application : le faire inscrire",
    ),
    Code.NO_RIGHT: Entry(
        "accès",
        "l'application n'a aucune habilitation ; rien n'est enregistré. Une personne a toujours au moins le "
        "suivi de ce dont elle est le porteur : son lot est refusé par ERR_IHM_026",
        ihm=ALWAYS_026,
    ),
    Code.REVOCATION_STATUS_UNAVAILABLE: Entry(
        "accès",
        "aucune CRL à jour de l'AC émettrice, ou celle de sa racine, une fois apportée ici, est échue ou "
        "abîmée ; ou la plateforme s'est arrêtée d'elle-même (base restaurée) : réessayer, puis prévenir "
        "l'exploitant",
    ),
    Code.SUBJECT_REFUSED: Entry(
        "accès",
        "portail seul, à la connexion par Pro Santé Connect : numéro national absent ou d'une autre forme, ou "
        "différent de celui du compte. Entrer avec sa carte ; prévenir l'exploitant",
        ws=NO_PRO_SANTE_CONNECT,
    ),
    Code.LOT_CONFLICT: Entry(
        "message",
        "même référence, autre contenu : choisir une autre référence",
        ihm=NO_LOT,
    ),
    Code.LOT_UNKNOWN: Entry(
        "lecture",
        "index ou référence inconnus, ou lot d'un autre : la réponse est la même",
        ihm=NO_LOT,
    ),
    Code.DEMANDE_UNKNOWN: Entry(
        "lecture",
        "numéro inconnu, ou demande d'un autre : la réponse est la même ; de même pour le produit qu'un "
        "renouvellement nomme",
    ),
    Code.NOT_READY: Entry(
        "retrait",
        "pas encore signé : suivre le lot, puis réessayer",
        ihm=RETRAIT,
    ),
    Code.NOT_WITHDRAWABLE: Entry(
        "retrait",
        "la raison dit pourquoi : la demande est rejetée, annulée ou non traitée, ou son certificat est "
        "expiré ou révoqué, même s'il a déjà été retiré ; pour une page, tous les certificats du lot le sont",
        ihm=RETRAIT,
    ),
    Code.CANCEL_TOO_LATE: Entry(
        "annulation",
        "déjà retirée, rejetée ou non traitée",
        ihm=ANNULATION,
    ),
    Code.FIELD_FORBIDDEN: Entry(
        "élément",
        "ce champ n'existe pas pour ce produit, même vide",
        ihm=IN_063,
    ),
    Code.FIELD_INVALID: Entry(
        "élément",
        "la valeur est illisible, vide, trop longue pour un certificat (la raison dit le maximum), ou donnée "
        "deux fois ; une `reference` de demande mal écrite (64 caractères au plus, elle n'est alors ni gardée "
        "ni rendue) ; un premier FQDN de plus de 64 caractères ne peut pas être le CN : le donner en deuxième",
        ihm=IN_063,
    ),
    Code.CRITERIA_INVALID: Entry(
        "recherche",
        "critères incompatibles ; un nom cherché a son étoile ailleurs qu'à la fin, moins de deux lettres ou "
        "chiffres devant elle, ou aucun",
    ),
    Code.DOMAIN_NOT_ENTITLED: Entry(
        "élément",
        "le domaine de l'adresse, de l'UPN (PRO) ou du FQDN n'est pas couvert par l'habilitation",
        ihm=IN_063,
    ),
    Code.NOT_PROCESSED: Entry(
        "élément",
        "panne après tous les essais : présenter la demande à nouveau, avec la même CSR si l'on veut",
    ),
    Code.DOMAIN_RESERVED: Entry(
        "élément",
        "PS : l'adresse protégée est dans un domaine qu'un autre acteur administre pour une structure (offre "
        "PRO ou SERV) ; la faire demander par cette structure",
        ihm=IN_063,
    ),
    Code.UPN_DOMAIN_REFUSED: Entry(
        "élément",
        "PS : l'exploitant n'admet pas ce domaine pour un UPN (réglage `registration.ps_upn_domains`, vide par défaut)",
        ihm=IN_063,
    ),
    Code.RENEWAL_OUTSIDE_WINDOW: Entry(
        "élément",
        "renouvellement trop tôt ou trop tard ; la fenêtre s'ouvre 30 jours avant la fin du certificat "
        "(réglage `registration.renewal_window_days`) et se ferme 240 heures après, bornes comprises : "
        "attendre, ou faire une nouvelle demande",
        ihm=IN_063,
    ),
    Code.NOT_RENEWABLE: Entry(
        "élément",
        "seul un produit Actif ou Expiré se renouvelle : un certificat à retirer se retire, un produit "
        "révoqué ou une demande sans certificat se redemande",
        ihm=IN_063,
    ),
    Code.RENEWAL_TAKEN: Entry(
        "élément",
        "un seul renouvellement à la fois : un autre est en cours, ou retiré et actif, ou le même produit est "
        "nommé plus haut dans le lot ; annuler l'autre, s'il n'est pas retiré, libère la place",
        ihm=IN_063,
    ),
    Code.NOT_ACTIVE: Entry(
        "retrait",
        "le certificat est encore à retirer (son demandeur le retire), expiré ou révoqué : la raison le dit",
        ihm=PRODUITS,
    ),
    Code.BUSY: Entry(
        "service",
        "trop de travail à la fois : réessayer",
    ),
    Code.REVOCATION_NOT_CONFIRMED: Entry(
        "élément",
        "révocation : la confirmation n'est pas donnée (`confirmation` à `true`), rien n'est révoqué",
        ihm=REVOCATION,
    ),
    Code.REVOCATION_TO_CANCEL: Entry(
        "révocation",
        "le certificat n'est pas signé, ou est à retirer : annuler la demande (`annulerDemande`), ce qui "
        "révoque un certificat déjà signé",
        ihm=REVOCATION,
    ),
    Code.REVOCATION_NOT_ACTIVE: Entry(
        "révocation",
        "le certificat a expiré, ou la demande nommée n'en a pas (rejetée, non traitée, annulée avant la signature)",
        ihm=REVOCATION,
    ),
    Code.CERTIFICATE_UNKNOWN: Entry(
        "révocation",
        "numéro de série ou autorité inconnus, ou certificat d'un autre : la réponse est la même ; l'autorité "
        "se nomme par son nom court, son nom commun ou son nom entier ; 40 chiffres sont plutôt "
        "l'identificateur d'une clé que montre Windows",
        ihm=REVOCATION,
    ),
    Code.REVOCATION_UNKNOWN: Entry(
        "lecture",
        "numéro inconnu, ou demande de révocation d'un certificat d'un autre : la réponse est la même",
        ihm=REVOCATION,
    ),
    Code.REVOCATION_NOT_PENDING: Entry(
        "révocation",
        "abandon : la révocation est faite, ou ne se fera pas",
        ihm=REVOCATION,
    ),
    Code.LOT_OF_OTHER_NATURE: Entry(
        "lecture, retrait",
        "un lot de révocations ne se retire pas, et se liste par `listerRevocationsLot` ; un lot de certificats "
        "par `listerDemandesLot`",
        ihm=NO_LOT,
    ),
    Code.REVOCATION_PENDING: Entry(
        "révocation",
        "une révocation différée attend déjà, pour un autre jour ou un autre motif : l'abandonner "
        "(`abandonnerRevocation`) avant d'en choisir un autre, ou révoquer sans date",
        ihm=REVOCATION,
    ),
    Code.CODE_TRIED_TOO_OFTEN: Entry(
        "révocation",
        "site sans authentification seul : trop d'essais manqués depuis cette adresse, ou trop d'essais de tous à la "
        "fois ; une place est alors gardée à cette adresse. Revenir à l'heure dite, ou depuis une autre connexion, ou "
        "révoquer en s'authentifiant",
        ws=WITHOUT_LOGIN,
    ),
    Code.PROOF_SPENT: Entry(
        "révocation",
        "site sans authentification seul : la seconde étape a déjà été envoyée (un mail confirme la révocation), a "
        "plus de dix minutes ou vient d'une autre connexion",
        ws=WITHOUT_LOGIN,
    ),
    Code.INTERNAL: Entry(
        "service",
        "panne ; le numéro d'incident aide l'exploitant",
    ),
}
