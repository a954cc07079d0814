"""What the rules of the service ask of each field of a demande, written into our copy of the XSD.

The published XSD lets through what only its own demande is refused for, so that one fault never refuses a whole lot.
Whoever writes a lot wants to know before sending it: the stricter types are those of the contract's answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

_XS = "{http://www.w3.org/2001/XMLSchema}"
_TYPE = "DemandeCertificat"
_MEMBERS = {
    "reference": ("igc:Reference", "0", "1"),
    "renouvelle": ("igc:NumeroDemande", "0", "1"),
    "renouvelleAutorite": ("igc:Libelle", "0", "1"),
    "renouvelleSerie": ("igc:Serie", "0", "1"),
    "offre": ("igc:Offre", "0", "1"),
    "usage": ("igc:Usage", "0", "1"),
    "structure": ("igc:IdentifiantStructure", "0", "1"),
    "beneficiaire": ("igc:IdentifiantPersonne", "0", "1"),
    "serviceApplicatif": ("igc:Libelle64", "0", "1"),
    "adresseEmail": ("igc:AdresseEmail", "0", "1"),
    "fqdn": ("igc:Fqdn", "0", "5"),
    "upn": ("igc:AdresseEmail", "0", "1"),
    "emailActeur": ("igc:AdresseEmail", "0", "1"),
    "emailInforme": ("igc:AdresseEmail", "0", "1"),
    "csr": ("igc:Csr", "1", "1"),
}
"""Type, least and most occurrences of each field, as the rules have it."""
_RENEWAL = frozenset({"renouvelle", "renouvelleAutorite", "renouvelleSerie"})
_OF_EVERY_PRODUCT = ("offre", "usage", "emailActeur")
_CSR_MAX_BYTES = 16_384
_TEXTS = {
    "Libelle": ("Texte de 1 à 1024 caractères.", r"[\s\S]{1,1024}"),
    "Serie": ("Numéro de série en hexadécimal.", r"[0-9A-Fa-fxX:.\s\-]{1,128}"),
}
_CSR_HINT = "PKCS#10 en DER, encodé en base64 : clé RSA 2048, signature sha256WithRSAEncryption."


def apply_rules(document: etree._ElementTree) -> etree._ElementTree:
    """The XSD with the fields of a demande as the rules have them; the document given is the one that changes.

    Raises ValueError when the fields of the contract are others than those whose rules are known.
    """
    root = document.getroot()
    (declared,) = (kind for kind in root.iterchildren(f"{_XS}complexType") if kind.get("name") == _TYPE)
    members = {member.get("name", ""): member for member in declared.iter(f"{_XS}element")}
    if members.keys() != _MEMBERS.keys():
        raise ValueError(f"{_TYPE}: {sorted(members)}")
    declared.addprevious(_csr_type())
    for name, (hint, pattern) in _TEXTS.items():
        declared.addprevious(_text_type(name, hint, pattern))
    for name, (kind, least, most) in _MEMBERS.items():
        members[name].set("type", kind)
        members[name].set("minOccurs", least)
        members[name].set("maxOccurs", most)
    return document


def missing_fields(names: Iterable[str]) -> tuple[str, ...]:
    """Which of the fields that every product has a demande with these fields lacks; none when it is a renewal."""
    given = set(names)
    return () if given & _RENEWAL else tuple(name for name in _OF_EVERY_PRODUCT if name not in given)


def _text_type(name: str, hint: str, pattern: str) -> etree._Element:
    kind = etree.Element(f"{_XS}simpleType", name=name)
    annotation = etree.SubElement(kind, f"{_XS}annotation")
    etree.SubElement(annotation, f"{_XS}documentation").text = hint
    restriction = etree.SubElement(kind, f"{_XS}restriction", base="xs:string")
    etree.SubElement(restriction, f"{_XS}pattern", value=pattern)
    return kind


def _csr_type() -> etree._Element:
    kind = etree.Element(f"{_XS}simpleType", name="Csr")
    annotation = etree.SubElement(kind, f"{_XS}annotation")
    etree.SubElement(annotation, f"{_XS}documentation").text = _CSR_HINT
    restriction = etree.SubElement(kind, f"{_XS}restriction", base="xs:base64Binary")
    etree.SubElement(restriction, f"{_XS}minLength", value="1")
    etree.SubElement(restriction, f"{_XS}maxLength", value=str(_CSR_MAX_BYTES))
    return kind
