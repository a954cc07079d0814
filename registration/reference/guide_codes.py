"""Where the codes of the guide are met and what to do then: the words of docs/erreurs.md."""

from __future__ import annotations

from collections.abc import Mapping

from registration.errors import Code
from registration.reference.entry import (
    DIRECTORY,
    FOR_HIMSELF,
    NAMED_AT_ONCE,
    NO_WORKSTATION,
    OWN_CODE,
    OWN_KEY,
    WITHOUT_LOGIN,
    WS_020,
    WS_026,
    Entry,
)

GUIDE: Mapping[Code, Entry] = {
    Code.WORKSTATION_UNFIT: Entry(
        "accès",
        "portail seul : « Vérifier mon poste » n'a reçu aucun certificat ; la page dit ce que demande une carte",
        ws=NO_WORKSTATION,
    ),
    Code.LOGIN_FAILED: Entry(
        "accès",
        "portail seul : aucun certificat présenté à la porte d'une carte ou d'un certificat logiciel, ou une "
        "connexion par Pro Santé Connect refusée, abandonnée, trop longue ou falsifiée",
        ws=WS_020,
    ),
    Code.TIERS_NOT_SEARCHED: Entry(
        "formulaire",
        "portail seul : « Sélectionner le tiers » sans recherche, ou le numéro a changé depuis",
        ws=NAMED_AT_ONCE,
    ),
    Code.OFFRE_MISSING: Entry(
        "élément",
        "l'offre manque, est vide ou n'est aucune des quatre ; rien d'autre n'est alors jugé, les champs "
        "dépendant de l'offre",
    ),
    Code.STRUCTURE_UNKNOWN: Entry(
        "élément, recherche",
        "la structure manque, est vide, n'est pas un identifiant (un chiffre, puis de 5 à 19 chiffres ou "
        "majuscules ; une minuscule n'en est pas) ou n'est pas dans l'annuaire de la plateforme, que l'acteur "
        "ait un droit ou non ; une recherche qui ne trouve rien le dit aussi d'une structure que la "
        "plateforme n'a jamais connue",
    ),
    Code.BENEFICIAIRE_MISSING: Entry(
        "élément",
        "PRO : le bénéficiaire manque, est vide, n'est pas un identifiant (un chiffre, puis de 5 à 31 "
        "chiffres, majuscules ou /), est inconnu ou n'est pas rattaché à la structure",
    ),
    Code.CSR_REFUSED: Entry(
        "élément",
        "la CSR est absente, vide, dépasse 16384 octets ou n'est pas un PKCS#10 en DER (la raison dit ce "
        "qu'elle est : PEM au lieu de DER, en base64 ou tel quel, UTF-16, deux requêtes, BER, version, "
        "attributs absents, ordre ou type de chaîne du sujet...), sa clé n'est pas RSA 2048, est interdite ou "
        "est faible (seule, module premier compris, ou par un facteur premier commun avec une autre clé du "
        "même lot : les deux sont alors refusées), sa signature est fausse, ou la clé a déjà servi (la raison "
        "nomme l'autre demande) ; une clé compromise est interdite aussi après coup : faire une nouvelle clé",
    ),
    Code.CODE_REVOCATION_MISSING: Entry(
        "retrait",
        "code ou confirmation vide",
    ),
    Code.CODE_REVOCATION_MISMATCH: Entry(
        "retrait",
        "code et confirmation diffèrent",
    ),
    Code.CODE_REVOCATION_WEAK: Entry(
        "retrait",
        "la règle du code n'est pas respectée. Les accents comptent composés (NFC), quel que soit le clavier "
        "; les espaces du début et de la fin comptent",
    ),
    Code.CGU_NOT_ACCEPTED: Entry(
        "retrait",
        "l'acceptation n'est pas donnée",
    ),
    Code.RETRAIT_FAILED: Entry(
        "retrait",
        "la demande a déjà été retirée avec un autre code : reprendre le code du premier retrait ; ou la date "
        "limite du retrait est passée : la demande est annulée et le certificat révoqué, faire une nouvelle "
        "demande avec une nouvelle clé. Une demande annulée ainsi porte ce code, qui en est le motif",
    ),
    Code.CODE_REFUSED: Entry(
        "révocation",
        "site sans authentification seul : une seule réponse, quel que soit l'élément faux, et aussi pour un "
        "certificat à retirer, révoqué, expiré ou de l'autre plateforme. Relire le champ « Numéro de série » (32 "
        "chiffres ; 40 chiffres sont l'identificateur d'une clé) et le code choisi au retrait",
        ws=WITHOUT_LOGIN,
    ),
    Code.CAPTCHA_REFUSED: Entry(
        "révocation",
        "site sans authentification seul : rien d'autre n'a été regardé ; recopier la nouvelle image, ou écouter ses "
        "caractères",
        ws=WITHOUT_LOGIN,
    ),
    Code.RETRAIT_NOT_REQUESTER: Entry(
        "retrait",
        "l'acteur suit la demande sans l'avoir faite",
    ),
    Code.TIERS_UNKNOWN: Entry(
        "formulaire, message",
        "numéro saisi sur le portail, ou en-tête `pourLeCompteDe` d'un appel : ni une personne déjà venue, ni "
        "de l'annuaire de cette plateforme ; soi-même ; une personne qui agit elle-même pour des tiers",
    ),
    Code.PRODUCT_CLOSED: Entry(
        "élément",
        "l'exploitant a fermé ce produit (`igc produit close`) : présenter la demande à nouveau quand il est "
        "rouvert ; ce qui était demandé avant continue",
    ),
    Code.HABILITATION_LOST: Entry(
        "formulaire",
        "portail seul : l'habilitation a été retirée pendant la saisie, ou une autre habilitation sur cette "
        "structure ne donne pas ce produit",
        ws=WS_026,
    ),
    Code.NOBODY_IN_STRUCTURE: Entry(
        "recherche",
        "PRO : l'annuaire ne connaît personne dans la structure choisie : faire importer son personnel par "
        "l'exploitant",
        ws=DIRECTORY,
    ),
    Code.DIRECTORY_AWAY: Entry(
        "élément, recherche",
        "un annuaire LDAP est réglé et ne répond pas à temps. Une demande dont la structure ou le "
        "bénéficiaire ne sont pas déjà connus ici est refusée par ce code, les autres passent : la présenter "
        "à nouveau, avec la même CSR",
    ),
    Code.SEARCH_TOO_WIDE: Entry(
        "recherche",
        "ni numéro, ni index de lot, ni offre",
    ),
    Code.HABILITATION_MISSING: Entry(
        "élément, message, retrait, annulation, lecture",
        "le lot d'une personne qui ne peut rien demander ; pas d'habilitation pour cette offre sur cette "
        "structure, ou plus d'habilitation, au moment de l'acte, lecture comprise : avoir envoyé la demande "
        "ne suffit pas (à l'envoi du formulaire du portail, ERR_IHM_020 s'il y avait l'habilitation à son "
        "ouverture, ou s'il en reste une autre sur cette structure) ; une structure inconnue hors du "
        "périmètre répond de même ; avec le champ `pourLeCompteDe`, qui envoie n'est pas, ou plus, nommé pour "
        "agir pour des tiers",
    ),
    Code.BENEFICIAIRE_NOT_ENTITLED: Entry(
        "élément",
        "PS : le bénéficiaire n'est pas l'acteur lui-même",
        ihm=FOR_HIMSELF,
    ),
    Code.CLE_TIME_OVER: Entry(
        "clé",
        "à la demande : la session du formulaire a pris fin avant l'envoi de la CSR, ou la fabrication dure plus de 90 "
        "secondes ; la clé, si elle est faite, est proposée à nouveau par la page",
        ws=OWN_KEY,
    ),
    Code.CLE_IMPOSSIBLE: Entry(
        "clé",
        "à la demande : ni WebCrypto ni IndexedDB, stockage fermé (fenêtre privée de certains navigateurs), "
        "fabrication en échec, ou un envoi qui n'est pas une CSR",
        ws=OWN_KEY,
    ),
    Code.CLE_STORE_CLOSED: Entry(
        "clé",
        "au retrait : le stockage du navigateur (IndexedDB) ou WebCrypto ne répond pas",
        ws=OWN_KEY,
    ),
    Code.CLE_UNREADABLE: Entry(
        "clé",
        "au retrait : l'enregistrement de la clé a été modifié hors du portail",
        ws=OWN_KEY,
    ),
    Code.CLE_NOT_HERE: Entry(
        "clé",
        "au retrait : le navigateur n'a aucune clé (autre poste, autre profil, données effacées). Avant le retrait, "
        "une demande dont la clé est perdue s'annule ; après, le certificat se révoque",
        ws=OWN_KEY,
    ),
    Code.CLE_OF_PAST_CERTIFICATE: Entry(
        "clé",
        "au retrait d'un certificat dont la clé est dans un navigateur : il a expiré ou il est révoqué",
        ws=OWN_KEY,
    ),
    Code.CLE_NOT_PACKED: Entry(
        "clé",
        "au retrait : la composition du PKCS#12 échoue, la clé et le mot de passe étant bons",
        ws=OWN_KEY,
    ),
    Code.CLE_OF_ANOTHER: Entry(
        "clé",
        "au retrait : le navigateur a des clés, pas celle du certificat ; ou l'enregistrement tient une autre clé que "
        "celle qu'il dit",
        ws=OWN_KEY,
    ),
    Code.CLE_PASSWORD_WRONG: Entry(
        "clé",
        "au retrait : la clé ne s'ouvre pas avec ce mot de passe ; il n'est connu que de la personne, nul ne peut le "
        "changer ni le rappeler",
        ws=OWN_KEY,
    ),
    Code.EMAIL_SYNTAX: Entry(
        "élément",
        "l'adresse protégée manque, est donnée vide, ou n'est pas une adresse",
    ),
    Code.EMAIL_ACTEUR_SYNTAX: Entry(
        "élément",
        "email de l'acteur absent, vide, ou qui n'est pas une adresse",
    ),
    Code.EMAIL_INFORME_SYNTAX: Entry(
        "élément",
        "email de la personne à informer donné vide, ou qui n'est pas une adresse",
    ),
    Code.USAGE_MISSING: Entry(
        "élément",
        "l'usage manque, est vide, inconnu, ou n'appartient pas à l'offre",
    ),
    Code.SERVICE_APPLICATIF_MISSING: Entry(
        "élément",
        "ORG, et SERV hors SSL_SERV : absent, vide ou fait d'espaces",
    ),
    Code.FQDN_MISSING: Entry(
        "élément",
        "SSL_SERV : aucun FQDN, vides compris, ou plus de cinq",
    ),
    Code.FQDN_SYNTAX: Entry(
        "élément",
        "un FQDN n'est pas un nom de domaine complet, dépasse une longueur, ou est vide à côté d'autres",
    ),
    Code.VALIDATION_FAILED: Entry(
        "formulaire",
        "portail seul : la demande est refusée pour une raison à laquelle le guide ne donne pas de code ; le "
        "texte la dit. Par le service web, cette raison a un code à elle (ERR_WS_036, 037, 039 à 042)",
        ws=OWN_CODE,
    ),
    Code.EMAIL_TAKEN: Entry(
        "élément",
        "un autre porteur détient l'adresse, quelle que soit sa casse, par une demande en cours ou un "
        "certificat en vigueur",
    ),
}
