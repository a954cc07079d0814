"""Every value that the schema lets through is read as what it means, whatever its form and whatever type it names."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from registration.errors import IgcError
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import CSR, SCHEMA, body_of, envelope, item, lot, request
from tests.unit.ws.test_attacks import BOTH, XSI, refused, search
from ws.contract.files import SCHEMA_FILE
from ws.contract.forms import Value
from ws.contract.model import Shape, elements
from ws.contract.names import CONTRACT_NS, Operation, SoapVersion, contract_tag
from ws.gates.values import read_values

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
ZEROS = "0" * 5000
SAMPLES = {
    "reference": "r-1", "offre": "ORG", "usage": "SIGN", "structure": "10B0039137", "beneficiaire": "899700027131",
    "serviceApplicatif": "dossier", "adresseEmail": "a@b.fr", "fqdn": "a.fr", "upn": "u@b.fr", "emailActeur": "g@b.fr",
    "emailInforme": "i@b.fr", "csr": CSR, "indexLot": "12", "numeroDemande": "7", "versionConnue": "v1", "attente": "3",
    "etat": "CLOSE", "aPartirDe": "4", "taille": "5", "codeRevocation": "Secret-de-12!", "confirmation": "Secret-de-12!",
    "acceptationCgu": "true", "jours": "6", "numeroRevocation": "8", "autorite": "ACI", "numeroSerie": "0a0b",
    "motif": "AUTRE", "autreMotif": "fin", "dateEffet": "2026-12-01", "enTantQue": "PORTEUR", "numeroProduit": "7", "etatProduit": "ACTIF", "raisonSociale": "CENTRE*",
    "nomBeneficiaire": "LER*", "prenomBeneficiaire": "Zoé", "demandeur": "899700027131", "nomDemandeur": "Leroux",
    "prenomDemandeur": "C*", "emisDepuis": "2026-11-23T08:00:00+01:00", "emisJusqua": "2026-11-24T08:00:00+00:00",
    "finDepuis": "2026-11-23T08:00:00+01:00", "finJusqua": "2026-11-24T08:00:00+00:00", "depuis": "2026-11-23T08:00:00+01:00", "jusqua": "2026-11-24T08:00:00+00:00",
}  # fmt: skip
Write = Callable[[str, Value], tuple[str, str]]
FORMS = {
    Value.INTEGER: ["+{}", f"{ZEROS}{{}}", f"\n +{ZEROS}{{}}\t", "&#32;{}&#10;", "<![CDATA[{}]]>"],
    Value.BOOLEAN: ["\n true \n", "1", "\t1", "<![CDATA[ true]]>", "&#116;rue"],
    Value.DATE_TIME: ["\n{} ", "&#32;{}", "<![CDATA[{}]]>"],
    Value.BASE64: ["\n{}\n", "{0[0]} {0[1]} {0[2]}\n{1}"],
    Value.TEXT: ["<![CDATA[{}]]>"],
}


def build(kind: Value | Shape, name: str, write: Write) -> str:
    """An element with every member once; ``write`` gives attributes and text of each value."""
    if isinstance(kind, Shape):
        inside = "".join(build(member.kind, member.name, write) for member in kind.members)
        return f"<l:{name}>{inside}</l:{name}>"
    attributes, text = write(name, kind)
    return f"<l:{name}{attributes}>{text}</l:{name}>"


def sample(name: str, kind: Value) -> str:
    """A revocation is confirmed by a boolean, a retrait by the code once more."""
    return "true" if kind is Value.BOOLEAN else SAMPLES[name]


def plain(name: str, kind: Value) -> tuple[str, str]:
    return "", sample(name, kind)


def parsed(operation: Operation, write: Write = plain) -> etree._Element:
    kind = elements()[operation.tag]
    text = build(kind, operation.value, write)
    return etree.fromstring(text.replace(">", f' xmlns:l="{CONTRACT_NS}" {XSI} {XS}>', 1))


def read(element: etree._Element) -> list[tuple[str, str | None]]:
    """What is left for those who read it: names, texts, and no attribute."""
    read_values(element)
    assert all(not one.attrib for one in element.iter("*"))
    return [(one.tag, one.text) for one in element.iter("*") if len(one) == 0]


def declared_types(operation: Operation) -> dict[str, str]:
    """The type of each value of a request: one name may have another type in another operation."""
    schema = etree.parse(SCHEMA_FILE).getroot()
    found: dict[str, str] = {}

    def walk(element: etree._Element) -> None:
        for member in element.iter("{*}element"):
            kind = (member.get("type") or "").replace("igc:", "")
            inner = [one for one in schema.findall("{*}complexType") if one.get("name") == kind]
            if inner:
                walk(inner[0])
            elif kind:
                found[member.get("name", "")] = (member.get("type") or "").replace("igc:", "l:")

    walk(next(one for one in schema.findall("{*}element") if one.get("name") == operation.value))
    return found


SMALL = [operation for operation in Operation if not operation.carries_lot]


@pytest.mark.parametrize("operation", SMALL)
def test_a_type_of_ours_on_every_value_changes_nothing(operation: Operation) -> None:
    types = declared_types(operation)

    def typed(name: str, kind: Value) -> tuple[str, str]:
        return f' xsi:type="{types[name]}" xsi:schemaLocation="urn:x x.xsd"', sample(name, kind)

    assert read(parsed(operation, typed)) == read(parsed(operation))


@pytest.mark.parametrize("operation", SMALL)
@pytest.mark.parametrize("number", range(5))
def test_every_form_of_a_value_is_read_as_the_same_value(operation: Operation, number: int) -> None:
    def formed(name: str, kind: Value) -> tuple[str, str]:
        forms = FORMS[kind]
        return "", forms[number % len(forms)].format(sample(name, kind))

    assert read(parsed(operation, formed)) == read(parsed(operation))


NAMED = [
    ("xs:string", " v1 ", " v1 "),
    ("l:Libelle64", " v1\n", " v1\n"),
    ("xs:normalizedString", "\tv1\n", " v1 "),
    ("xs:token", "\n v  1 ", "v 1"),
    ("xs:NMTOKEN", " v1 ", "v1"),
    ("xs:ID", " v1 ", "v1"),
    ("xs:language", " fr\n", "fr"),
]


@pytest.mark.parametrize(("kind", "sent", "meant"), NAMED)
def test_white_space_of_a_text_is_that_of_the_type_it_names(kind: str, sent: str, meant: str) -> None:
    def write(name: str, _kind: Value) -> tuple[str, str]:
        return (f' xsi:type="{kind}"', sent) if name == "versionConnue" else ("", SAMPLES[name])

    assert (contract_tag("versionConnue"), meant) in read(parsed(Operation.SUIVRE_LOT, write))


@pytest.mark.parametrize("kind", ["xs:int", "xs:short", "xs:byte", "l:IndexLot", "l:TaillePage", "xs:long"])
def test_a_number_may_name_any_type_below_its_own(canal: Canal, kind: str) -> None:
    content = f'<l:indexLot>1</l:indexLot><l:aPartirDe {XSI} {XS} xsi:type="{kind}"> +{ZEROS}4 </l:aPartirDe>'
    assert canal.post(envelope(request("listerDemandesLot", content)))[0] == 200
    assert "list_lot 1 None 4 50" in canal.desk.calls


@pytest.mark.parametrize(("sent", "meant"), [("\n true \n", True), ("1", True), (" 0", False), ("false\n", False)])
@BOTH
def test_the_acceptance_is_what_was_meant(canal: Canal, version: SoapVersion, sent: str, meant: bool) -> None:
    code = "<l:codeRevocation>Secret-de-12!</l:codeRevocation><l:confirmation>Secret-de-12!</l:confirmation>"
    conditions = f'{code}<l:acceptationCgu {XSI} {XS} xsi:type="xs:boolean">{sent}</l:acceptationCgu>'
    message = request(
        "retirerDemande", f"<l:numeroDemande>{ZEROS}7</l:numeroDemande><l:conditions>{conditions}</l:conditions>"
    )
    assert canal.post(envelope(message, version), version)[0] == 200
    assert canal.desk.conditions is not None
    assert canal.desk.conditions.cgu_accepted is meant


@BOTH
def test_a_message_with_a_type_on_everything(canal: Canal, version: SoapVersion) -> None:
    small = (Operation.SUIVRE_LOT, Operation.RECHERCHER_DEMANDES, Operation.CONSULTER_DEMANDE)
    types = {name: kind for operation in small for name, kind in declared_types(operation).items()}

    def typed(text: str) -> str:
        for name, kind in types.items():
            text = text.replace(f"<l:{name}>", f'<l:{name} xsi:type="{kind}">')
        return text

    index = f"{ZEROS}1"
    one = re.sub(r"<l:(?!csr|demande)(\w+)>", r'<l:\1 xsi:type="l:TexteDemande">', item(1))
    messages = [
        lot(one.replace("<l:csr>", '<l:csr xsi:type="l:CsrDemande">')).replace("<l:lot>", '<l:lot xsi:type="l:Lot">').replace(
            "<l:demande>", '<l:demande xsi:type="l:DemandeCertificat">'
        ),
        request("suivreLot", f"<l:indexLot>{index}</l:indexLot><l:versionConnue>v0</l:versionConnue><l:attente> +05</l:attente>"),
        search("<l:usage>SIGN</l:usage><l:fqdn>a.fr</l:fqdn><l:depuis>2026-11-23T08:00:00Z</l:depuis>"),
        request("consulterDemande", "<l:numeroDemande>7</l:numeroDemande>"),
    ]  # fmt: skip
    for message in messages:
        whole = envelope(typed(message), version).replace(b"<s:Body>", f"<s:Body {XSI} {XS}>".encode())
        status, content = canal.post(whole, version)
        assert status == 200, content
        body_of(content, version)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-11-23T08:00:00.123456789Z", datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T08:00:00." + "9" * 5000 + "Z", datetime(2026, 11, 23, 8, 0, 0, 999999, tzinfo=UTC)),
        ("\n 2026-11-23T08:00:00Z\t", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T08:00:00-00:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T22:00:00+14:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2024-02-29T08:00:00.5Z", datetime(2024, 2, 29, 8, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_forms_of_a_date(canal: Canal, sent: str, meant: datetime) -> None:
    assert canal.post(envelope(search(f"<l:depuis>{sent}</l:depuis>")))[0] == 200
    assert canal.desk.criteria.since == meant


@pytest.mark.parametrize("form", ["{}", "\n{}\n", "{} ", "\t{}\r\n", "<![CDATA[{}]]>"])
def test_a_csr_in_every_form(canal: Canal, form: str) -> None:
    cut = "\n".join(CSR[start : start + 64] for start in range(0, len(CSR), 64))
    spread = " ".join(CSR[:8]) + CSR[8:]
    for text in (CSR, cut, spread):
        canal.desk.kept.clear()
        assert canal.post(envelope(lot(item(1, csr=form.format(text)))))[0] == 200
        assert canal.desk.kept[1][1].demandes[0].csr == base64.b64decode(CSR)


COMMENTED = {
    "number": (request("annulerLot", "<l:indexLot>1<!-- -->2</l:indexLot>"), "indexLot"),
    "number, at its end": (request("annulerLot", "<l:indexLot>12<!-- --></l:indexLot>"), "indexLot"),
    "text of blanks": (request("suivreLot", "<l:versionConnue> <!-- --> </l:versionConnue>"), "versionConnue"),
    "empty text": (request("suivreLot", "<l:versionConnue><!-- --></l:versionConnue>"), "versionConnue"),
    "date": (search("<l:depuis>2026-11-23T08:00:00<!-- -->Z</l:depuis>"), "depuis"),
    "text of an item": (lot(item(1).replace(">dossier-1", "><!-- -->dossier-1")), "serviceApplicatif"),
    "csr": (lot(item(1).replace("<l:csr>", "<l:csr><!-- -->")), "csr"),
    "reference of the lot": (lot(item(1), reference="lot-<!-- -->1"), "reference"),
}


@pytest.mark.parametrize("case", COMMENTED)
@BOTH
def test_a_comment_in_a_value_is_refused(canal: Canal, version: SoapVersion, case: str) -> None:
    body, champ = COMMENTED[case]
    fault = refused(canal, envelope(body, version), "ERR_WS_008", version)
    assert fault["champ"] == champ
    assert "commentaire" in fault["texte"]


def test_comments_between_values_are_no_matter(canal: Canal) -> None:
    between = search("<!-- a --><l:usage>SIGN</l:usage><!-- b -->").replace("<l:criteres>", "<!-- c --><l:criteres>")
    assert canal.post(envelope(between))[0] == 200
    assert canal.post(envelope(request("consulterService", "<!-- rien -->")))[0] == 200


@pytest.mark.parametrize("value", ["true", "1", "false", "0"])
@pytest.mark.parametrize("operation", Operation)
def test_a_nil_operation_is_refused(canal: Canal, operation: Operation, value: str) -> None:
    content = "" if operation is Operation.CONSULTER_SERVICE else "<l:indexLot>1</l:indexLot>"
    if operation.carries_lot:
        content = "<l:lot><l:reference>a</l:reference>" + item(1) + "</l:lot>"
    if operation.carries_revocations:
        content = "<l:lotRevocations><l:reference>a</l:reference><l:revocation/></l:lotRevocations>"
    message = envelope(request(operation.value, content, f' {XSI} xsi:nil="{value}"'))
    fault = refused(canal, message, "ERR_WS_008")
    assert fault["fault"] == "messageRefuse"
    if not content or operation.carries_lot or operation in (Operation.SUIVRE_LOT, Operation.ANNULER_LOT):
        assert (fault["champ"], "xsi:nil" in fault["texte"]) == (operation.value, True)


@pytest.mark.parametrize("place", ["lot", "demande", "reference", "emailInforme"])
def test_nil_anywhere_is_refused(canal: Canal, place: str) -> None:
    message = lot(item(1, more="<l:emailInforme>a@b.fr</l:emailInforme>"))
    fault = refused(canal, envelope(message.replace(f"<l:{place}>", f'<l:{place} {XSI} xsi:nil="true">')), "ERR_WS_008")
    assert (fault["champ"], "xsi:nil" in fault["texte"]) == (place, True)


@pytest.mark.parametrize("kind", ["l:deposerLot", "l:Lot", "xs:anyType", "l:Rien", "z:Lot", ""])
def test_a_type_that_an_operation_has_not_is_refused(canal: Canal, kind: str) -> None:
    message = request("consulterService", "", f' {XSI} {XS} xsi:type="{kind}"')
    assert refused(canal, envelope(message), "ERR_WS_008")["champ"] == "consulterService"


@pytest.mark.parametrize(
    "value", [f"{ZEROS}9223372036854775808", "9" * 5000, f"-{ZEROS}", f"-{ZEROS}1", "+-1", "++1", "1 1", "0x1", "１"]
)
@pytest.mark.parametrize(
    ("operation", "champ"),
    [("annulerLot", "indexLot"), ("consulterDemande", "numeroDemande"), ("suivreLot", "attente")],
)
def test_numbers_that_are_none_are_refused(canal: Canal, operation: str, champ: str, value: str) -> None:
    before = "<l:indexLot>1</l:indexLot>" if champ == "attente" else ""
    if value == f"-{ZEROS}" and champ == "attente":
        return  # minus nought is nought, and nought seconds are allowed
    fault = refused(canal, envelope(request(operation, f"{before}<l:{champ}>{value}</l:{champ}>")), "ERR_WS_008")
    assert fault["champ"] == champ


def test_what_is_not_known_of_the_schema_stops_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ws.contract import model

    changes = [
        (b"<xs:sequence>", b"<xs:choice>", b"</xs:sequence>", b"</xs:choice>"),
        (b'<xs:minInclusive value="1"/>', b'<xs:whiteSpace value="collapse"/>', b"", b""),
        (b'base="xs:string"', b'base="xs:token"', b"", b""),
    ]
    for old, new, old_end, new_end in changes:
        changed = tmp_path / "changed.xsd"
        changed.write_bytes(SCHEMA_FILE.read_bytes().replace(old, new).replace(old_end, new_end))
        monkeypatch.setattr(model, "SCHEMA_FILE", changed)
        with pytest.raises((ValueError, KeyError)):
            model.elements.__wrapped__()


def test_read_values_refuses_before_it_reads() -> None:
    element = etree.fromstring(request("annulerLot", "<l:indexLot>x</l:indexLot>"))
    with pytest.raises(IgcError):
        read_values(element)
    assert element[0].text == "x"


def test_samples_are_legal_as_they_stand() -> None:
    for operation in SMALL:
        SCHEMA.assertValid(parsed(operation))
