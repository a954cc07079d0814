"""The published contract and the code hold each other: same surface, same words, same bytes as agreed."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import pytest
import zeep
from lxml import etree
from spyne.interface.xml_schema import XmlSchema

from registration.errors import TEXTS, Code
from registration.vocabulary import (
    Canal,
    EtatDemande,
    EtatLot,
    EtatProduit,
    Offre,
    Plateforme,
    Usage,
)
from ws.contract_files import SCHEMA_FILE, WSDL_FILES, WSDL_FOLDER, published_files
from ws.soap import CONTRACT_NS, CONTRACT_VERSION, Operation, SoapVersion
from ws.soap_protocol import new_application

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
    **dict.fromkeys(sorted(FAULTS), "ws.faults renders faults; tests/unit/ws validates each against the schema"),
    "lot": "the form of a lot kept in a file; no message starts with it",
}


@cache
def published():
    return etree.parse(SCHEMA_FILE).getroot()


@cache
def generated(version):
    document = XmlSchema(new_application(version).interface)
    document.build_interface_document()
    return next(schema for schema in document.schema_dict.values() if schema.get("targetNamespace") == CONTRACT_NS)


def surface(schema, name):
    """A global element as nested members: (name, least, most, nillable, base type or members)."""
    (element,) = [child for child in schema.findall(f"{XS}element") if child.get("name") == name]
    return content(schema, element)


def content(schema, element):
    inline = element.find(f"{XS}complexType")
    if inline is not None:
        return members(schema, inline)
    prefix, _, kind = element.get("type").rpartition(":")
    if element.nsmap[prefix or None] != CONTRACT_NS:
        return kind
    for declared in schema:
        if declared.get("name") == kind and declared.tag == f"{XS}complexType":
            return members(schema, declared)
        if declared.get("name") == kind and declared.tag == f"{XS}simpleType":
            return declared.find(f"{XS}restriction").get("base").rpartition(":")[2]
    raise AssertionError(f"{kind} is not declared")


def members(schema, kind):
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
def test_spyne_and_the_schema_say_the_same(version, name):
    assert surface(generated(version), name) == surface(published(), name)


def test_the_schema_has_no_element_that_spyne_does_not_know():
    known = {element.get("name") for element in generated(SoapVersion.V11).findall(f"{XS}element")}
    ours = {element.get("name") for element in published().findall(f"{XS}element")}
    assert ours - known == set(NOT_IN_SPYNE)


def test_a_changed_schema_would_be_noticed():
    changed = etree.fromstring(
        SCHEMA_FILE.read_bytes().replace(
            b'name="emailInforme" type="igc:AdresseEmail" minOccurs="0"', b'name="emailInforme" type="igc:AdresseEmail"'
        )
    )
    assert surface(generated(SoapVersion.V11), "deposerLot") != surface(changed, "deposerLot")


@pytest.mark.parametrize("version", SoapVersion)
def test_operations_actions_and_faults_of_the_wsdl(version):
    root = etree.parse(WSDL_FILES[version]).getroot()
    port_type = root.findall(f"{WSDL}portType/{WSDL}operation")
    assert [operation.get("name") for operation in port_type] == OPERATIONS
    bound = {
        operation.get("name"): operation.find(f"{SOAP[version]}operation").get("soapAction")
        for operation in root.findall(f"{WSDL}binding/{WSDL}operation")
    }
    assert bound == {operation.value: operation.action for operation in Operation}
    for operation in port_type:
        declared = {fault.get("name") for fault in operation.findall(f"{WSDL}fault")}
        assert {"messageRefuse", "accesRefuse", "erreurTechnique"} <= declared <= FAULTS
    assert len(root.findall(f"{WSDL}service/{WSDL}port")) == 1


def test_both_wsdl_describe_the_same_port_type():
    texts = [
        etree.tostring(etree.parse(WSDL_FILES[version]).find(f"{WSDL}portType"), method="c14n2")
        for version in SoapVersion
    ]
    assert texts[0].replace(b"soap12", b"soap") == texts[1].replace(b"soap12", b"soap")


@pytest.mark.parametrize("version", SoapVersion)
def test_zeep_reads_the_files_of_the_folder(version):
    client = zeep.Client(str(WSDL_FILES[version]))
    (binding,) = client.wsdl.bindings.values()
    assert sorted(binding._operations) == sorted(OPERATIONS)
    assert all(operation.input.body is not None for operation in binding._operations.values())


def test_words_of_the_schema_and_of_registration():
    words = {
        kind.get("name"): [value.get("value") for value in kind.iter(f"{XS}enumeration")]
        for kind in published().findall(f"{XS}simpleType")
    }
    for enum in (Offre, Usage, Canal, Plateforme, EtatDemande, EtatLot):
        assert set(words[enum.__name__]) == {value.value for value in enum}
    assert set(words["EtatProduit"]) == {value.value for value in EtatProduit} - {"PREPARE"}


def test_every_code_of_the_catalogue_fits_the_schema():
    (kind,) = [kind for kind in published().findall(f"{XS}simpleType") if kind.get("name") == "CodeErreur"]
    pattern = re.compile(kind.find(f".//{XS}pattern").get("value"))
    assert all(pattern.fullmatch(code.value) for code in Code)
    assert set(TEXTS) == set(Code)


def test_addresses_of_the_served_files():
    files = published_files("https://ws.exemple.fr/racine/")
    served = [data for path, data in files.items() if not path.startswith("/schemas/")]
    assert all(b'location="https://ws.exemple.fr/racine/ws/lots/1.0"' in data for data in served)
    assert b"&amp;quot;" not in b"".join(served)
    quoted = published_files('https://a"b<c')
    assert all(etree.fromstring(data) is not None for data in quoted.values())


def test_the_published_files_are_those_that_were_agreed():
    """A change of a published file is a decision: new version or not, then write the new sums in CONTRACT.lock."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == f"version {CONTRACT_VERSION}"
    agreed = dict(reversed(line.split(maxsplit=1)) for line in lines[1:])
    actual = {
        str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [SCHEMA_FILE, *sorted(Path(WSDL_FOLDER).glob("*.wsdl"))]
    }
    assert agreed == actual
    assert published().get("version") == CONTRACT_VERSION
