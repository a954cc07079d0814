"""A refusal by the schema names the member at fault: the missing one, the unknown one, the one too many, the misplaced one."""

from __future__ import annotations

import re

import pytest

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import V12, envelope, item, lot, request
from tests.unit.ws.test_attacks import BOTH, refused
from ws.contract.files import SCHEMA_FILE
from ws.contract.forms import Value
from ws.contract.model import Shape, elements
from ws.contract.names import Operation, SoapVersion, contract_tag
from ws.gates.content import _first_misplaced, find_misfits

FIELDS = re.compile(r"<l:(\w+)>[^<]*</l:\1>")
FULL = {
    "reference": "r-1", "renouvelle": "7", "renouvelleAutorite": "AC", "renouvelleSerie": "0a",
    "offre": "SERV", "usage": "SSL_SERV", "structure": "10B0039137", "beneficiaire": "899700027131",
    "serviceApplicatif": "dossier", "adresseEmail": "a@b.fr", "fqdn": "a.fr", "upn": "u@b.fr", "emailActeur": "g@b.fr",
    "emailInforme": "i@b.fr", "csr": "QUJD",
}  # fmt: skip
ORDER = list(FULL)


def demande(names: list[str]) -> str:
    return "<l:demande>" + "".join(f"<l:{name}>{FULL[name]}</l:{name}>" for name in names) + "</l:demande>"


def refused_item(canal: Canal, bad: str, version: SoapVersion, before: int = 2) -> dict[str, str]:
    fault = refused(canal, envelope(lot(*[item(n) for n in range(before)], bad), version), "ERR_WS_008", version)
    assert fault["position"] == str(before + 1)
    assert f"demande {before + 1}, champ « {fault['champ']} »" in fault["texte"]
    return fault


@BOTH
@pytest.mark.parametrize("place", [0, 3, len(ORDER)])
def test_an_unknown_field_is_named(canal: Canal, version: SoapVersion, place: int) -> None:
    bad = demande(ORDER[:place]) + "<l:couleur>bleu</l:couleur>" + demande(ORDER[place:])
    fault = refused_item(canal, bad.replace("</l:demande><l:couleur>", "<l:couleur>").replace("</l:couleur><l:demande>", "</l:couleur>"), version)  # fmt: skip
    assert (fault["champ"], "bleu" in fault["texte"]) == ("couleur", False)
    assert (
        "inconnu à cette place. Éléments attendus dans cet ordre : reference, renouvelle, renouvelleAutorite, "
        in fault["texte"]
    )


def test_a_known_name_in_another_namespace_is_told_so(canal: Canal) -> None:
    fault = refused_item(canal, demande(ORDER).replace("<l:offre>SERV</l:offre>", '<offre xmlns="">SERV</offre>'), V12)
    assert fault["champ"] == "offre"
    assert "autre espace de noms que urn:igc-exemple:lots:1.0" in fault["texte"]


def test_a_long_unknown_name_is_cut(canal: Canal) -> None:
    fault = refused_item(canal, demande(ORDER).replace("<l:offre>", f"<{'é' * 5000}/><l:offre>"), V12)
    assert fault["champ"] == "é" * 64 + "…"


@BOTH
@pytest.mark.parametrize(
    ("moved", "to", "at_fault"),
    [("usage", 1, "usage"), ("csr", 0, "csr"), ("emailActeur", 0, "emailActeur"), ("reference", 14, "reference"), ("fqdn", 14, "fqdn"), ("offre", 12, "offre")],
)  # fmt: skip
def test_an_order_that_is_not_the_schemas_is_told_as_order(
    canal: Canal, version: SoapVersion, moved: str, to: int, at_fault: str
) -> None:
    names = [name for name in ORDER if name != moved]
    names.insert(to, moved)
    fault = refused_item(canal, demande(names), version)
    assert fault["champ"] == at_fault
    assert f"mal placé. Éléments attendus dans cet ordre : {', '.join(ORDER)}." in fault["texte"]


@pytest.mark.parametrize(("name", "times", "most"), [("reference", 2, 1), ("csr", 3, 1)])
def test_a_field_too_many_is_named(canal: Canal, name: str, times: int, most: int) -> None:
    fault = refused_item(canal, demande([one for one in ORDER for _ in range(times if one == name else 1)]), V12)
    assert fault["champ"] == name
    assert f"présent {times} fois, {most} au plus" in fault["texte"]


OTHERS = {
    "no criteria": (request("rechercherDemandes", ""), "criteres"),
    "criteria twice": (request("rechercherDemandes", "<l:criteres/><l:criteres><l:x/></l:criteres>"), "criteres"),
    "unknown criterion": (request("rechercherDemandes", "<l:criteres><l:nom>x</l:nom></l:criteres>"), "nom"),
    "criteria out of order": (
        request("rechercherDemandes", "<l:criteres><l:usage>SIGN</l:usage><l:offre>ORG</l:offre></l:criteres>"),
        "usage",
    ),
    "no conditions": (request("retirerDemande", "<l:numeroDemande>1</l:numeroDemande>"), "conditions"),
    "no acceptance": (
        request(
            "retirerDemande",
            "<l:numeroDemande>1</l:numeroDemande><l:conditions><l:codeRevocation>a</l:codeRevocation>"
            "<l:confirmation>a</l:confirmation></l:conditions>",
        ),
        "acceptationCgu",
    ),
    "of another operation": (request("annulerLot", "<l:numeroDemande>1</l:numeroDemande>"), "numeroDemande"),
    "where nothing is expected": (request("consulterService", "<l:indexLot>1</l:indexLot>"), "indexLot"),
    "no lot": (request("deposerLot"), "lot"),
    "two lots": (request("deposerLot", "<l:lot/><l:lot/>"), "lot"),
    "lot of no namespace": (request("verifierLot", "<lot/>").replace("<lot/>", '<lot xmlns=""/>'), "lot"),
    "lot without reference": (lot(item(1)).replace("<l:reference>lot-1</l:reference>", ""), "reference"),
    "lot without items": (lot(), "demande"),
    "reference behind the items": (
        request("deposerLot", f"<l:lot>{item(1) * 3}<l:reference>a</l:reference></l:lot>"),
        "reference",
    ),
    "stranger behind 700 items": (lot(*[item(1)] * 700, "<l:fin/>"), "fin"),
}


@BOTH
@pytest.mark.parametrize("case", OTHERS)
def test_other_requests_name_the_member_too(canal: Canal, version: SoapVersion, case: str) -> None:
    body, champ = OTHERS[case]
    fault = refused(canal, envelope(body, version), "ERR_WS_008", version)
    assert (fault["champ"], fault.get("position")) == (champ, None)


def test_the_row_in_order_is_the_longest() -> None:
    assert _first_misplaced([]) is None
    assert _first_misplaced([0, 1, 1, 2]) is None
    assert _first_misplaced([0, 9, 1, 2, 3]) == 9
    assert _first_misplaced([1, 2, 3, 0]) == 0
    assert _first_misplaced([*range(1, 200_000), 0]) == 0
    assert _first_misplaced([*range(200_000, 0, -1)]) == 200_000


def test_a_right_sequence_has_no_misfit() -> None:
    from lxml import etree

    shape = elements()[contract_tag("lot")]
    assert isinstance(shape, Shape)
    element = etree.fromstring(lot(item(1), item(2)))[0]
    assert not [*find_misfits(element, shape)]


def test_every_name_of_the_schema_is_known_to_the_model() -> None:
    def names(kind: Value | Shape, seen: set[str]) -> None:
        if isinstance(kind, Shape):
            for member in kind.members:
                seen.add(member.name)
                names(member.kind, seen)

    known: set[str] = {tag.rpartition("}")[2] for tag in elements()}
    for kind in elements().values():
        names(kind, known)
    declared = re.findall(r'<xs:element name="(\w+)"', SCHEMA_FILE.read_text("utf-8"))
    assert known == set(declared)
    assert {operation.tag for operation in Operation} <= set(elements())
