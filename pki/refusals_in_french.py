"""What the lints and the profiles refuse, in French, for whoever starts a process, holds a ceremony or reads a sample.

In code a breach is said in the words of the RFCs; fields and extensions keep those names here too. The rest of the
library speaks to programs.
"""

import re
from collections.abc import Sequence

from pki.errors import LintError, PkiError, ProfileError

_REASONS = (
    ("unknown product", "produit inconnu"),
    ("missing", "valeur absente"),
    (r"longer than (\d+) characters", "plus de {0} caractères"),
    ("begins or ends with a blank", "commence ou finit par une espace"),
    ("holds a character that cannot be read", "contient un caractère invisible"),
    (r"not in Unicode form NFC \(RFC 5280 section 7\.1\)", "n'est pas en forme Unicode NFC (RFC 5280 §7.1)"),
    ("two capital letters expected", "deux lettres capitales attendues"),
    ("not part of this profile", "n'est pas du profil"),
    ("not a mail address in ASCII", "adresse de courriel en ASCII attendue"),
    ("not a user principal name", "n'est pas un UPN"),
    (r"1 to (\d+) names expected", "de 1 à {0} noms attendus"),
    ("the first name is not the common name", "le premier nom n'est pas le nom commun"),
    ("a name stands twice", "un nom y est deux fois"),
    (
        "not a fully qualified domain name of A-labels",
        "nom de domaine complet attendu (un nom accentué s'écrit xn--...)",
    ),
    ("not an IP address", "adresse IP attendue"),
    ("not an issuer number and a card number", "numéro d'émetteur et numéro de carte attendus"),
    ("not a code of the nomenclature", "n'est pas un code de la nomenclature"),
    ("not a section of the table", "n'est pas une section du tableau"),
    (r"not issued by (\S+)", "non délivré par {0}"),
    ("EC keys are not admitted for this product", "une clé EC ne convient pas à ce produit"),
    ("a date without time zone", "date sans fuseau"),
    ("the validity would end before it begins", "la validité finirait avant de commencer"),
)
"""Why a content does not fit its profile, behind the name of the field."""

_FRAME = (
    ("unknown product", "produit inconnu"),
    ("not linted", "pas encore relu"),
    (r"prepared for (.+)", "préparé pour {0}"),
    (r"not a DER TBSCertificate of version 3(.*)", "pas un TBSCertificate de version 3 en DER{0}"),
    (
        "the library's strict parser refuses the certificate",
        "la bibliothèque, lecture stricte, refuse le certificat",
    ),
    ("the full lint cannot read the certificate", "pkilint ne peut pas lire le certificat"),
    (r"warning: (\S+)", "avertissement : {0}"),
    (r"error: (\S+)", "erreur : {0}"),
    (r"fatal: (\S+)", "erreur fatale : {0}"),
    (r"version: not 3(.*)", "version : n'est pas 3{0}"),
    (
        r"serial: not positive, or not 9 to 20 octets(.*)",
        "numéro de série : n'est pas positif, ou pas de 9 à 20 octets{0}",
    ),
    (
        r"signature: not sha256WithRSAEncryption with NULL parameters(.*)",
        "signature : n'est pas sha256WithRSAEncryption à paramètres NULL{0}",
    ),
    (
        r"issuer: not byte for byte the name of the authority(.*)",
        "émetteur : n'est pas octet pour octet le nom de l'AC{0}",
    ),
    ("validity: ends before it begins", "validité : finit avant de commencer"),
    ("validity: outside that of the authority", "validité : déborde de celle de l'AC"),
    (r"validity: longer than (\d+) years", "validité : plus de {0} ans"),
    (
        r"key: not one uncompressed point of P-256(.*)",
        "clé : n'est pas un point de P-256 sous forme non compressée{0}",
    ),
    (r"key: EC in a product that enciphers keys(.*)", "clé : EC pour un produit qui chiffre des clés{0}"),
    (
        "key: not RSA of 2048 bits with exponent 65537 and an odd modulus",
        "clé : n'est pas RSA de 2048 bits, d'exposant 65537 et de module impair",
    ),
    ("key: the authority's own", "clé : celle de l'AC elle-même"),
)
"""What is wrong outside of subject and extensions."""

_SUBJECT = (
    (
        "subject: not a Name of UTF8String and PrintableString values",
        "sujet : n'est pas un nom fait de UTF8String et de PrintableString",
    ),
    (
        "subject: not the attributes of the profile in its order",
        "sujet : n'a pas les attributs du profil dans leur ordre",
    ),
    (
        r"subject: a multi-valued RDN is not in DER SET order(.*)",
        "sujet : un RDN à plusieurs attributs n'est pas dans l'ordre de DER{0}",
    ),
    (r"subject: (\w+) has the wrong string type", "sujet : {0} n'a pas le bon type de chaîne"),
    (r"subject: (\w+) is empty or beyond its upper bound(.*)", "sujet : {0} est vide ou trop long{1}"),
    (r"subject: (\w+) holds a character that cannot be read", "sujet : {0} contient un caractère invisible"),
)

_EXTENSIONS = (
    ("extensions: one is unknown to the profile", "extensions : l'une n'est pas connue du profil"),
    (
        r"extensions: one stands twice or out of order(.*)",
        "extensions : l'une est en double ou n'est pas à sa place{0}",
    ),
    (
        "extensions: those of a person on another's certificate",
        "extensions : celles d'une personne, sur le certificat de ce qui n'en est pas une",
    ),
    (
        "extensions: those of a card on another's certificate",
        "extensions : celles d'une carte, sur le certificat de ce qui n'en est pas une",
    ),
    (
        "subject_alternative_name: a form of name that the profile does not allow",
        "subject_alternative_name : une forme de nom que le profil n'admet pas",
    ),
    (
        "subject_alternative_name: dNSName not 1 to 5 different names, the common name first",
        "subject_alternative_name : de 1 à 5 dNSName différents attendus, le nom commun en tête",
    ),
    (
        "subject_alternative_name: a dNSName is not a host name",
        "subject_alternative_name : un dNSName n'est pas un nom de machine",
    ),
    ("subject_alternative_name: more than one name", "subject_alternative_name : plus d'un nom"),
    (
        r"subject_alternative_name: rfc822Name is not a mail address(.*)",
        "subject_alternative_name : rfc822Name n'est pas une adresse de courriel{0}",
    ),
    (
        "subject_alternative_name: otherName is not a user principal name",
        "subject_alternative_name : otherName n'est pas un UPN",
    ),
    (r"(\w+): missing", "{0} : absente"),
    (r"(\w+): malformed", "{0} : mal formée"),
    (r"(\w+): critical", "{0} : critique, ce qu'elle ne doit pas être"),
    (r"(\w+): wrong criticality", "{0} : critique à tort, ou non critique à tort"),
    (r"(\w+): not what the profile says", "{0} : n'est pas ce que dit le profil"),
    (r"(\w+): not part of this profile", "{0} : n'est pas du profil"),
    (r"(\w+): not that of the key", "{0} : n'est pas celui de la clé"),
    (r"(\w+): not within the validity", "{0} : déborde de la validité"),
)

_Table = Sequence[tuple[re.Pattern[str], str]]


def _table(*parts: Sequence[tuple[str, str]]) -> _Table:
    return tuple((re.compile(pattern), french) for part in parts for pattern, french in part)


_REASON_TABLE = _table(_REASONS)
_FINDING_TABLE = _table(_FRAME, _SUBJECT, _EXTENSIONS)
_OF_A_PRODUCT = re.compile(r"([A-Z][A-Z0-9_]+): (.+)", re.DOTALL)


def told(error: PkiError) -> str:
    """Return the one line by which a person reads any refusal of this package."""
    if isinstance(error, LintError):
        return " ; ".join(finding_told(finding) for finding in error.findings)
    if isinstance(error, ProfileError):
        return f"{error.field} : {reason_told(error)}"
    return str(error)


def finding_told(finding: str) -> str:
    """Return a finding of either lint in French; the name of a product may stand in front of it."""
    if found := _OF_A_PRODUCT.fullmatch(finding):
        return f"{found[1]} : {_translated(found[2], _FINDING_TABLE)}"
    return _translated(finding, _FINDING_TABLE)


def reason_told(error: ProfileError) -> str:
    """Return why the value of the field does not fit, without the name of the field."""
    return _translated(error.reason, _REASON_TABLE)


def _translated(text: str, table: _Table) -> str:
    for pattern, french in table:
        if found := pattern.fullmatch(text):
            return french.format(*found.groups())
    return text
