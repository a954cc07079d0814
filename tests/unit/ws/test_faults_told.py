"""A message that breaks the schema is told all its faults at once: where, what was received, what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import CSR, SCHEMA, envelope, faults_of, item, lot, request
from tests.unit.ws.test_attacks import BOTH, XSI, refused
from tests.unit.ws.test_values import SAMPLES, sample
from ws.contract.forms import Form, Value
from ws.contract.model import Member, Shape, elements
from ws.contract.names import CONTRACT_NS, SECRETS, Operation, SoapVersion
from ws.gates.findings import MOST_TOLD, MessageRefusedError
from ws.gates.values import read_values

CODE = "Code-De-Revocation-1!"


def told(canal: Canal, body: str, version: SoapVersion = SoapVersion.V11) -> list[dict[str, str]]:
    return faults_of(canal.post(envelope(body, version), version)[1], version)


@BOTH
def test_every_fault_is_told_with_what_was_received_and_what_is_allowed(canal: Canal, version: SoapVersion) -> None:
    body = request(
        "rechercherDemandes",
        "<l:criteres><l:numeroDemande>0</l:numeroDemande><l:offre>org</l:offre><l:couleur>bleu</l:couleur>"
        "<l:structure>10b</l:structure><l:nomBeneficiaire/><l:depuis>hier</l:depuis></l:criteres>"
        "<l:taille>9999</l:taille><l:aPartirDe>x</l:aPartirDe>",
    )
    faults = told(canal, body, version)
    assert [fault["champ"] for fault in faults] == [
        "taille", "couleur", "numeroDemande", "offre", "structure", "nomBeneficiaire", "depuis", "taille", "aPartirDe",
    ]  # fmt: skip
    by_name = {(fault["champ"], "valeur" in fault): fault for fault in faults}
    assert by_name["taille", False]["forme"] == "éléments attendus dans cet ordre : criteres, aPartirDe, taille"
    assert by_name["taille", True]["valeur"] == "9999"
    assert by_name["taille", True]["forme"] == "un nombre entier de 1 à 500"
    assert by_name["offre", True]["forme"] == "PS, PRO, ORG, SERV ou TOUTES"
    assert "[0-9][0-9A-Z]{5,19}" in by_name["structure", True]["forme"]
    assert by_name["nomBeneficiaire", True]["forme"] == "de 1 à 256 caractères"
    assert (by_name["depuis", True]["code"], by_name["depuis", True]["valeur"]) == ("ERR_WS_010", "hier")
    assert "bleu" not in str(by_name["couleur", False])


def test_the_first_fault_is_the_errors_own_and_the_others_are_counted(canal: Canal) -> None:
    fault = refused(
        canal, envelope(request("suivreLot", "<l:attente>x</l:attente><l:indexLot>y</l:indexLot>")), "ERR_WS_008"
    )
    assert fault["champ"] == "attente"
    assert fault["texte"].endswith("Et 2 autres fautes.")
    assert "autresFautes" not in fault


def test_faults_of_items_have_their_places_in_the_whole_lot(canal: Canal) -> None:
    bad = item(0, more="<l:couleur/>")
    items = [bad if number in (3, 501, 1204) else item(number) for number in range(1, 1301)]
    assert [(fault["position"], fault["champ"]) for fault in told(canal, lot(*items))] == [
        ("3", "couleur"), ("501", "couleur"), ("1204", "couleur"),
    ]  # fmt: skip


def test_twenty_faults_are_listed_and_the_rest_counted(canal: Canal) -> None:
    bad = lot(*[item(number, more="<l:a/><l:b/>") for number in range(1000)])
    fault = refused(canal, envelope(bad), "ERR_WS_008")
    assert fault["autresFautes"] == str(2000 - MOST_TOLD)
    assert len(told(canal, bad)) == MOST_TOLD


@pytest.mark.long
def test_a_quarter_of_a_million_faults_are_counted_and_twenty_told(canal: Canal) -> None:
    body = request("rechercherDemandes", f"<l:criteres>{'<l:a/>' * 250_000}</l:criteres>")
    assert refused(canal, envelope(body), "ERR_WS_008")["autresFautes"] == str(250_000 - MOST_TOLD)


@pytest.mark.parametrize("place", ["codeRevocation", "confirmation", "acceptationCgu", "codeRevocatoin"])
def test_a_revocation_code_is_never_repeated_wherever_it_was_put(canal: Canal, place: str) -> None:
    body = request(
        "retirerDemande",
        f"<l:numeroDemande>x</l:numeroDemande><l:conditions><l:{place}>{CODE * 10}</l:{place}></l:conditions>",
    )
    answer = canal.post(envelope(body))[1]
    assert len(faults_of(answer)) > 1
    assert CODE.encode() not in answer


def test_what_may_be_a_private_key_is_never_repeated(canal: Canal) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg"
    answer = canal.post(envelope(request("annulerLot", f"<l:indexLot>{key}</l:indexLot>")))[1]
    assert len(faults_of(answer)) == 1
    assert b"MIIEvQ" not in answer


def test_a_received_value_is_cut_and_made_readable(canal: Canal) -> None:
    (fault,) = told(canal, request("annulerLot", f"<l:indexLot>\u202e{'é' * 500}</l:indexLot>"))
    assert fault["valeur"] == "?" + "é" * 63 + "…"


def test_every_nil_attribute_comment_and_text_is_a_fault_of_its_own(canal: Canal) -> None:
    body = request(
        "suivreLot",
        f"bonjour<l:indexLot a='1'>1</l:indexLot><l:reference {XSI} xsi:nil='true'/>"
        "<l:versionConnue>a<!-- -->b</l:versionConnue><l:attente>1<l:x/></l:attente>",
    )
    faults = told(canal, body)
    assert [(fault["champ"], fault["texte"].split()[0]) for fault in faults] == [
        ("suivreLot", "texte"), ("indexLot", "attribut"), ("reference", "une"), ("reference", "valeur"),
        ("versionConnue", "un"), ("attente", "un"),
    ]  # fmt: skip


def test_several_dates_without_zone_are_all_told(canal: Canal) -> None:
    dates = "<l:depuis>2026-01-01T00:00:00</l:depuis><l:jusqua>2026-02-01T00:00:00</l:jusqua>"
    faults = told(canal, request("rechercherDemandes", f"<l:criteres>{dates}</l:criteres>"))
    assert [(fault["champ"], fault["code"]) for fault in faults] == [("depuis", "ERR_WS_010"), ("jusqua", "ERR_WS_010")]


BAD_VALUES = {
    "bad base64": item(7, csr="A@A!AA"),
    "stray characters in base64": item(7, csr="QUJD*REVG"),
    "no base64 alphabet": item(7, csr="é" * 8),
    "padding in the middle": item(7, csr="QQ==QUJD"),
    "cut base64": item(7, csr="QUJDR"),
    "PEM": item(7, csr="-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----"),
    "csr beyond all measure": item(7, csr="A" * 2_000_000),
    "offre beyond all measure": item(7).replace(">ORG<", f">{'ORGANISATION' * 86}<"),
    "a text of 1 MB": item(7).replace("dossier-7", "' OR 1=1 --" * 95_000),
    "10 000 fqdn": item(7).replace("<l:emailActeur>", "<l:fqdn>a.fr</l:fqdn>" * 10_000 + "<l:emailActeur>"),
}


@pytest.mark.parametrize("before", [0, 620])
@pytest.mark.parametrize("case", BAD_VALUES)
def test_no_value_of_an_item_refuses_the_lot(canal: Canal, case: str, before: int) -> None:
    status, _ = canal.post(envelope(lot(*[item(number) for number in range(before)], BAD_VALUES[case], item(8))))
    assert status == 200
    demandes = canal.desk.kept[1][1].demandes
    assert (len(demandes), demandes[-1].reference) == (before + 2, "ref-8")
    bad = demandes[before]
    # Cut, but still beyond what any rule lets pass.
    assert len(bad.csr or b"") <= 65_536
    assert len(bad.fqdns) <= 100
    assert all(len(text or "") <= 1025 for text in (bad.offre, bad.service_applicatif))


def test_a_csr_that_is_no_base64_is_handed_over_as_it_was_written(canal: Canal) -> None:
    canal.post(envelope(lot(item(1, csr="A@A!AA"), item(2))))
    bad, good = canal.desk.kept[1][1].demandes
    assert (bad.csr, bad.csr_text) == (None, "A@A!AA")
    assert good.csr == bytes(range(256)) * 3


def test_bad_values_do_not_hide_a_broken_item(canal: Canal) -> None:
    broken = item(2, csr="@").replace("<l:offre>ORG</l:offre>", "<l:offre>ORG</l:offre><l:offre>PS</l:offre>")
    (fault,) = told(canal, lot(item(1, csr="@"), broken))
    assert (fault["position"], fault["champ"], fault["texte"]) == ("2", "offre", "présent 2 fois, 1 au plus.")


# --- what is diagnosed is what the schema refuses ---


def leaves() -> dict[str, tuple[Operation, Member, Form]]:
    """A request of one value for each simple type that stands at its top, by operation and member."""
    found = {}
    for operation in Operation:
        shape = elements()[operation.tag]
        assert isinstance(shape, Shape)
        for member in shape.members:
            if member.form is not None:
                found[f"{operation.value} {member.name}"] = (operation, member, member.form)
    return found


LEAVES = leaves()
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=70),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from([*SAMPLES.values(), "true", "1", "+1", " 7 ", "00", "-0", "", "2026-01-01T00:00:00", CSR, "Q Q = =", "S/MIME"]),
)  # fmt: skip


def fill(element: etree._Element, shape: Shape | Value, wanted: Member, text: str) -> None:
    """Every member that must be there, with a good value, and the wanted one with this text."""
    assert isinstance(shape, Shape)
    for member in shape.members:
        if not member.least and member is not wanted:
            continue
        child = etree.SubElement(element, f"{{{CONTRACT_NS}}}{member.name}")
        if isinstance(member.kind, Shape):
            fill(child, member.kind, wanted, text)
        else:
            child.text = text if member is wanted else sample(member.name, member.kind)


@given(st.sampled_from(sorted(LEAVES)), TEXTS)
def test_a_form_finds_a_fault_exactly_where_the_schema_does(case: str, text: str) -> None:
    operation, member, form = LEAVES[case]
    whole = etree.fromstring(f'<l:{operation.value} xmlns:l="{CONTRACT_NS}"/>')
    fill(whole, elements()[operation.tag], member, text)
    accepted = SCHEMA.validate(whole)
    assert (form.fault_of(text) is None) == accepted
    if accepted:
        return
    with pytest.raises(MessageRefusedError) as raised:
        read_values(whole)
    assert raised.value.findings[0].champ == member.name


def test_every_secret_of_the_contract_is_known_as_one() -> None:
    names = {member.name for shape in elements().values() if isinstance(shape, Shape) for member in _all(shape)}
    assert {name for name in names if "code" in name.lower() and name not in ("code", "codeAction")} <= SECRETS
    assert names >= SECRETS


def _all(shape: Shape) -> list[Member]:
    found = list(shape.members)
    for member in shape.members:
        if isinstance(member.kind, Shape):
            found += _all(member.kind)
    return found
