"""The published contract and the code hold each other: same surface, same words, same bytes as agreed."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from spyne.interface.xml_schema import XmlSchema

from registration.errors import CAUTIONS, TEXTS, Caution, Code
from registration.rules import limits
from registration.vocabulary import (
    ALL_OFFRES,
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    EtatRevocation,
    Motif,
    NatureNom,
    Offre,
    Plateforme,
    ResultatRevocation,
    Usage,
)
from storage import tables
from tests.support.assertions import the
from tests.support.soap_clients import zeep_client
from ws.contract.files import SCHEMA_FILE, WSDL_FILES, WSDL_FOLDER, published_files
from ws.contract.names import CONTRACT_NS, CONTRACT_VERSION, Operation, SoapVersion
from ws.serving.operations import new_application

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = {
    SoapVersion.V11: "{http://schemas.xmlsoap.org/wsdl/soap/}",
    SoapVersion.V12: "{http://schemas.xmlsoap.org/wsdl/soap12/}",
}
LOCK = WSDL_FOLDER / "CONTRACT.lock"
ROOT = SCHEMA_FILE.parent.parent
OPERATIONS = [operation.value for operation in Operation]
FAULTS = {"messageRefuse", "accesRefuse", "introuvable", "conflit", "erreurTechnique"}

NOT_IN_SPYNE = {
    **dict.fromkeys(
        sorted(FAULTS), "ws.serving.faults renders faults; tests/unit/ws validates each against the schema"
    ),
    "lot": "the form of a lot kept in a file; no message starts with it",
    "pourLeCompteDe": "a header block; ws.gates.headers reads it",
    "lotRevocations": "the same, of a lot of revocations",
}


@cache
def published() -> etree._Element:
    return etree.parse(SCHEMA_FILE).getroot()


@cache
def generated(version: SoapVersion) -> etree._Element:
    document = XmlSchema(new_application(version).interface)
    document.build_interface_document()
    schemas: list[etree._Element] = list(document.schema_dict.values())
    return next(schema for schema in schemas if schema.get("targetNamespace") == CONTRACT_NS)


def surface(schema: etree._Element, name: str) -> Any:
    """A global element as nested members: (name, least, most, nillable, base type or members)."""
    (element,) = [child for child in schema.findall(f"{XS}element") if child.get("name") == name]
    return content(schema, element)


def content(schema: etree._Element, element: etree._Element) -> Any:
    inline = element.find(f"{XS}complexType")
    if inline is not None:
        return members(schema, inline)
    prefix, _, kind = element.get("type", "").rpartition(":")
    if element.nsmap[prefix or None] != CONTRACT_NS:
        return kind
    for declared in schema:
        if declared.get("name") == kind and declared.tag == f"{XS}complexType":
            return members(schema, declared)
        if declared.get("name") == kind and declared.tag == f"{XS}simpleType":
            return the(declared.find(f"{XS}restriction")).get("base", "").rpartition(":")[2]
    raise AssertionError(f"{kind} is not declared")


def members(schema: etree._Element, kind: etree._Element) -> Any:
    return tuple(
        (
            member.get("name"),
            member.get("minOccurs", "1"),
            member.get("maxOccurs", "1"),
            member.get("nillable", "false"),
            content(schema, member),
        )
        for member in kind.findall(f"{XS}sequence/{XS}element")
    )


@pytest.mark.parametrize("version", SoapVersion)
@pytest.mark.parametrize("name", [*OPERATIONS, *[f"{name}Response" for name in OPERATIONS]])
def test_spyne_and_the_schema_say_the_same(version: SoapVersion, name: str) -> None:
    assert surface(generated(version), name) == surface(published(), name)


def test_the_schema_has_no_element_that_spyne_does_not_know() -> None:
    known = {element.get("name") for element in generated(SoapVersion.V11).findall(f"{XS}element")}
    ours = {element.get("name") for element in published().findall(f"{XS}element")}
    assert ours - known == set(NOT_IN_SPYNE)


def test_a_changed_schema_would_be_noticed() -> None:
    changed = etree.fromstring(
        SCHEMA_FILE.read_bytes().replace(
            b'name="emailInforme" type="igc:TexteDemande" minOccurs="0"', b'name="emailInforme" type="igc:TexteDemande"'
        )
    )
    assert surface(generated(SoapVersion.V11), "deposerLot") != surface(changed, "deposerLot")


@pytest.mark.parametrize("version", SoapVersion)
def test_operations_actions_and_faults_of_the_wsdl(version: SoapVersion) -> None:
    root = etree.parse(WSDL_FILES[version]).getroot()
    port_type = root.findall(f"{WSDL}portType/{WSDL}operation")
    assert [operation.get("name") for operation in port_type] == OPERATIONS
    bound = {
        operation.get("name"): the(operation.find(f"{SOAP[version]}operation")).get("soapAction")
        for operation in root.findall(f"{WSDL}binding/{WSDL}operation")
    }
    assert bound == {operation.value: operation.action for operation in Operation}
    for operation in port_type:
        declared = {fault.get("name") for fault in operation.findall(f"{WSDL}fault")}
        assert {"messageRefuse", "accesRefuse", "erreurTechnique"} <= declared <= FAULTS
    assert len(root.findall(f"{WSDL}service/{WSDL}port")) == 1


def test_both_wsdl_describe_the_same_port_type() -> None:
    texts = [
        etree.tostring(the(etree.parse(WSDL_FILES[version]).find(f"{WSDL}portType")), method="c14n2")
        for version in SoapVersion
    ]
    assert texts[0].replace(b"soap12", b"soap") == texts[1].replace(b"soap12", b"soap")


@pytest.mark.parametrize("version", SoapVersion)
def test_zeep_reads_the_files_of_the_folder(version: SoapVersion) -> None:
    client = zeep_client(str(WSDL_FILES[version]))
    (binding,) = client.wsdl.bindings.values()
    assert sorted(binding._operations) == sorted(OPERATIONS)
    assert all(operation.input.body is not None for operation in binding._operations.values())


@pytest.mark.parametrize("version", SoapVersion)
def test_every_operation_takes_the_header_of_the_contract(version: SoapVersion) -> None:
    client = zeep_client(str(WSDL_FILES[version]))
    port = client.create_service(next(iter(client.wsdl.bindings)), "https://localhost")
    (binding,) = client.wsdl.bindings.values()
    assert all("pourLeCompteDe" in operation.input.signature() for operation in binding._operations.values())
    message = client.create_message(
        port, "consulterService", _soapheaders={"pourLeCompteDe": {"numeroNational": "8997"}}
    )
    header, _ = message
    assert [(one.tag, one.text) for one in header.iter()][1:] == [
        (f"{{{CONTRACT_NS}}}pourLeCompteDe", None), (f"{{{CONTRACT_NS}}}numeroNational", "8997"),
    ]  # fmt: skip
    assert len(client.create_message(port, "consulterService")) == 1, "it may be absent"


def test_words_of_the_schema_and_of_registration() -> None:
    words = {
        kind.get("name"): [value.get("value") for value in kind.iter(f"{XS}enumeration")]
        for kind in published().findall(f"{XS}simpleType")
    }
    for enum in (
        Offre, Usage, Canal, Plateforme, EtatDemande, EtatLot, EtatRevocation, ResultatRevocation, Motif, NatureNom,
    ):  # fmt: skip
        assert set(words[enum.__name__]) == {value.value for value in enum}
    assert words["CritereOffre"] == [*words["Offre"], ALL_OFFRES]
    assert set(words["EtatProduit"]) == {value.value for value in EtatProduit} - {"PREPARE"}


def facets(name: str) -> dict[str, str]:
    """The facets of a simple type of the schema, by name."""
    (kind,) = [kind for kind in published().findall(f"{XS}simpleType") if kind.get("name") == name]
    return {
        etree.QName(facet).localname: facet.get("value", "")
        for facet in the(kind.find(f"{XS}restriction")).iterchildren(f"{XS}*")
    }


def test_values_fit_the_answers_as_registration_says() -> None:
    assert facets("Reference") == {"pattern": limits.REFERENCE_PATTERN}
    assert facets("IdentifiantStructure") == {"pattern": limits.STRUCTURE_PATTERN}
    assert facets("IdentifiantPersonne") == {"pattern": limits.PERSONNE_PATTERN}
    assert facets("Libelle64") == {"minLength": "1", "maxLength": str(limits.SERVICE_LENGTH)}
    assert facets("AdresseEmail") == {"minLength": "1", "maxLength": str(limits.EMAIL_LENGTH)}
    assert facets("Fqdn") == {"minLength": "1", "maxLength": str(limits.FQDN_LENGTH)}
    lengths = {column.name: getattr(column.type, "length", None) for column in tables.Demande.__table__.c}
    assert (lengths["reference"], lengths["id_structure"], lengths["id_beneficiaire"]) == (64, 20, 32)
    assert lengths["service_applicatif"] == limits.SERVICE_LENGTH
    mail = ("adresse_email", "adresse_cle", "upn", "email_acteur", "email_informe")
    assert {lengths[name] for name in mail} == {limits.EMAIL_LENGTH}


def test_the_schema_judges_no_value_of_an_item() -> None:
    assert facets("TexteDemande") == facets("CsrDemande") == {}
    (item,) = [kind for kind in published().findall(f"{XS}complexType") if kind.get("name") == "DemandeCertificat"]
    fields = {
        field.get("name"): (field.get("type"), field.get("minOccurs"), field.get("maxOccurs", "1"))
        for field in item.iter(f"{XS}element")
    }
    assert fields.pop("csr") == ("igc:CsrDemande", "0", "1")
    assert fields.pop("fqdn") == ("igc:TexteDemande", "0", "unbounded")
    assert set(fields.values()) == {("igc:TexteDemande", "0", "1")}
    (revocation,) = [
        kind for kind in published().findall(f"{XS}complexType") if kind.get("name") == "DemandeRevocation"
    ]
    assert {(field.get("type"), field.get("minOccurs")) for field in revocation.iter(f"{XS}element")} == {
        ("igc:TexteDemande", "0"),
        ("xs:long", "0"),
        ("xs:boolean", "0"),
    }


def test_every_code_of_the_catalogue_fits_the_schema() -> None:
    (kind,) = [kind for kind in published().findall(f"{XS}simpleType") if kind.get("name") == "CodeErreur"]
    pattern = re.compile(the(kind.find(f".//{XS}pattern")).get("value", ""))
    assert all(pattern.fullmatch(code.value) for code in (*Code, *Caution))
    assert set(TEXTS) == set(Code)
    assert set(CAUTIONS) == set(Caution)


def test_addresses_of_the_served_files() -> None:
    files = published_files("https://ws.exemple.fr/racine/")
    served = [data for path, data in files.items() if not path.startswith("/schemas/")]
    assert all(b'location="https://ws.exemple.fr/racine/ws/lots/1.0"' in data for data in served)
    assert b"&amp;quot;" not in b"".join(served)
    quoted = published_files('https://a"b<c')
    assert all(etree.fromstring(data) is not None for data in quoted.values())


def test_the_published_files_are_those_that_were_agreed() -> None:
    """A change of a published file is a decision: new version or not, then write the new sums in CONTRACT.lock."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == f"version {CONTRACT_VERSION}"
    agreed = {path: digest for digest, path in (line.split(maxsplit=1) for line in lines[1:])}
    actual = {
        str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [SCHEMA_FILE, *sorted(Path(WSDL_FOLDER).glob("*.wsdl"))]
    }
    assert agreed == actual
    assert published().get("version") == CONTRACT_VERSION
