"""Hostile and odd messages over real TLS: each gets its typed fault, nothing reaches a use case, the next call works."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.unit.ws.conftest import Canal
from tests.unit.ws.desk import SECRET_TEXT
from tests.unit.ws.messages import (
    V11,
    V12,
    body_of,
    envelope,
    fault_of,
    item,
    lot,
    request,
)
from ws.contract.files import ENDPOINT
from ws.contract.names import SoapVersion

GOOD = envelope(lot(item(1)))
BOTH = pytest.mark.parametrize("version", [V11, V12], ids=["soap11", "soap12"])
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def refused(
    canal: Canal,
    message: bytes,
    code: str,
    version: SoapVersion = V11,
    *,
    headers: dict[str, str] | None = None,
    status: int = 500,
    name: str | None = "client",
) -> dict[str, str]:
    """Post, expect this code, and see that the use cases saw nothing and that the service still works."""
    got, content = canal.post(message, version, headers, name=name)
    fault = fault_of(content, version)
    assert (got, fault["code"]) == (status, code)
    # Whoever waited before this is given up at some time.
    assert set(canal.desk.calls) <= {"identify", "close changes"}
    assert canal.desk.kept == {}
    ok, answer = canal.post(envelope(request("consulterService")))
    assert ok == 200
    body_of(answer)
    return fault


def search(content: str) -> str:
    return request("rechercherDemandes", f"<l:criteres><l:offre>ORG</l:offre>{content}</l:criteres>")


DTD = '<!DOCTYPE x [<!ENTITY e "valeur">]>'
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 30)) + "]>"
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'

MALFORMED = {
    "empty": (b"", "ERR_WS_001"),
    "blank": (b"   \n ", "ERR_WS_001"),
    "not xml": (b"bonjour", "ERR_WS_001"),
    "binary": (bytes(range(1, 256)), "ERR_WS_001"),
    "cut": (GOOD[:-20], "ERR_WS_001"),
    "trailing": (GOOD + b"x", "ERR_WS_001"),
    "two roots": (GOOD + GOOD, "ERR_WS_001"),
    "undefined entity": (envelope(lot(item(1, more="<l:emailInforme>&nbsp;</l:emailInforme>"))), "ERR_WS_001"),
    "bad utf-8": (GOOD.replace(b"dossier-1", b"dossi\xe9r"), "ERR_WS_001"),
    "nul": (GOOD.replace(b"dossier-1", b"doss\0er"), "ERR_WS_001"),
    "dtd": (DTD.encode() + GOOD, "ERR_WS_002"),
    "dtd after a long comment": (b"<!--" + b"c" * 300_000 + b"-->" + DTD.encode() + GOOD, "ERR_WS_002"),
    "dtd in utf-16": ((DTD + GOOD.decode()).encode("utf-16"), "ERR_WS_002"),
    "external dtd": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + GOOD, "ERR_WS_002"),
    "external entity": (EXTERNAL.encode() + GOOD.replace(b"dossier-1", b"&e;"), "ERR_WS_002"),
    "billion laughs": (LAUGHS.encode() + GOOD.replace(b"dossier-1", b"&a29;"), "ERR_WS_002"),
    "pi before": (b"<?xml-stylesheet href='x'?>" + GOOD, "ERR_WS_002"),
    "pi inside a value": (GOOD.replace(b"dossier-1", b"dossier<?x y?>-1"), "ERR_WS_002"),
    "pi after": (GOOD + b"<?x y?>", "ERR_WS_002"),
    "utf-7 declared": (b'<?xml version="1.0" encoding="UTF-7"?>' + GOOD, "ERR_WS_003"),
    "latin-1 declared": (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD, "ERR_WS_003"),
    "utf-16 declared, utf-8 sent": (b'<?xml version="1.0" encoding="UTF-16"?>' + GOOD, "ERR_WS_003"),
    "utf-16 without its mark": (GOOD.decode().encode("utf-16-le"), "ERR_WS_003"),
    "utf-32": (GOOD.decode().encode("utf-32"), "ERR_WS_001"),
    "ebcdic": (b'<?xml version="1.0" encoding="IBM037"?>' + GOOD, "ERR_WS_003"),
    "deep": (envelope("<a>" * 200 + "</a>" * 200), "ERR_WS_005"),
    "very deep": (envelope("<a>" * 100_000), "ERR_WS_005"),
    "deep header": (envelope(lot(item(1)), header="<a>" * 45 + "</a>" * 45), "ERR_WS_005"),
    "25 000 attributes": (
        envelope("<a " + " ".join(f"a{n}='1'" for n in range(25_000)) + "/>"),
        "ERR_WS_005",
    ),
    "100 000 attributes": (
        envelope("<a " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>"),
        "ERR_WS_005",
    ),
    "500 000 attributes": (envelope("<a b='1'/>" * 500_000), "ERR_WS_005"),
    "500 000 elements": (envelope(lot("<l:a/>" * 500_000)), "ERR_WS_005"),
    "long name": (envelope(f"<{'a' * 100_000}/>"), "ERR_WS_005"),
    "11 MB in one value": (envelope(lot(item(1, csr="A" * 11_000_000))), "ERR_WS_005"),
    "other root": (b"<a/>", "ERR_WS_006"),
    "bare request": (lot(item(1)).encode(), "ERR_WS_006"),
    "empty body": (envelope(""), "ERR_WS_006"),
    "text in body": (envelope("bonjour"), "ERR_WS_006"),
    "text beside the request": (envelope(lot(item(1)) + "bonjour"), "ERR_WS_006"),
    "two body children": (envelope(lot(item(1)) + request("consulterService")), "ERR_WS_006"),
    "two bodies": (GOOD.replace(b"</s:Body>", b"</s:Body><s:Body/>"), "ERR_WS_006"),
    "no body": (b'<s:Envelope xmlns:s="%s"/>' % V11.namespace.encode(), "ERR_WS_006"),
    "two headers": (GOOD.replace(b"<s:Body>", b"<s:Header/><s:Header/><s:Body>"), "ERR_WS_006"),
    "header after": (GOOD.replace(b"</s:Body>", b"</s:Body><s:Header/>"), "ERR_WS_006"),
    "stranger beside body": (GOOD.replace(b"</s:Body>", b"</s:Body><x/>"), "ERR_WS_006"),
    "a fault as request": (envelope("<s:Fault><faultcode>s:Client</faultcode></s:Fault>"), "ERR_WS_012"),
    "unknown operation": (envelope(request("effacerTout")), "ERR_WS_012"),
    "operation of another namespace": (envelope("<deposerLot xmlns='urn:autre'/>"), "ERR_WS_012"),
    "a response as request": (envelope(request("deposerLotResponse")), "ERR_WS_012"),
    "a bare lot": (envelope('<lot xmlns="urn:igc-exemple:lots:1.0"/>'), "ERR_WS_012"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_messages(canal: Canal, case: str) -> None:
    message, code = MALFORMED[case]
    fault = refused(canal, message, code, headers={"Content-Type": "text/xml"})
    assert (fault["fault"], fault["side"]) == ("messageRefuse", "Client")
    assert "incident" not in fault


IN_ITEM_7 = {
    "wrong order": (
        item(7).replace(
            "<l:offre>ORG</l:offre><l:usage>AUTH_CLI</l:usage>", "<l:usage>AUTH_CLI</l:usage><l:offre>ORG</l:offre>"
        ),
        "ERR_WS_008",
        "usage",
    ),
    "unknown element": (item(7, more="<l:motDePasse>x</l:motDePasse>"), "ERR_WS_008", "motDePasse"),
    "element of another namespace": (item(7, more='<x xmlns="urn:x"/>'), "ERR_WS_008", "x"),
    "attribute": (item(7).replace("<l:demande>", '<l:demande id="a" href="#a">'), "ERR_WS_008", "demande"),
    "xsi:type of another class": (
        item(7).replace("<l:demande>", f'<l:demande {XSI} xsi:type="l:Lot">'),
        "ERR_WS_008",
        "demande",
    ),
    "xsi:type unknown": (
        item(7).replace("<l:demande>", f'<l:demande {XSI} xsi:type="l:Rien">'),
        "ERR_WS_008",
        "demande",
    ),
    "xsi:nil": (item(7).replace("<l:csr>", f'<l:csr {XSI} xsi:nil="true">'), "ERR_WS_008", "csr"),
    "arrayType": (
        item(7).replace(
            "<l:demande>",
            '<l:demande xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" e:arrayType="l:x[1000000000]">',
        ),
        "ERR_WS_008",
        "demande",
    ),
    "element inside a value": (item(7).replace("AUTH_CLI", "AUTH<l:x/>_CLI"), "ERR_WS_008", "usage"),
    "comment inside a value": (item(7).replace("AUTH_CLI", "AUTH<!-- -->_CLI"), "ERR_WS_008", "usage"),
    "comment at the end of a value": (item(7).replace("AUTH_CLI", "AUTH_CLI<!-- -->"), "ERR_WS_008", "usage"),
    "text between the fields": (item(7).replace("<l:offre>", "bonjour<l:offre>"), "ERR_WS_008", "demande"),
}


FAR_BEHIND = ("unknown element", "comment inside a value", "text between the fields")


@pytest.mark.parametrize(
    ("case", "before"), [*[(case, 6) for case in IN_ITEM_7], *[(case, 1206) for case in FAR_BEHIND]]
)
def test_a_schema_fault_names_its_place(canal: Canal, case: str, before: int) -> None:
    bad, code, champ = IN_ITEM_7[case]
    items = [item(n) for n in range(before)] + [bad] + [item(n) for n in range(3)]
    fault = refused(canal, envelope(lot(*items)), code)
    assert (fault["position"], fault["champ"]) == (str(before + 1), champ)
    assert "Element" not in fault["texte"]


def test_a_schema_fault_names_its_place_without_prefixes(canal: Canal) -> None:
    message = envelope(lot(*[item(n) for n in range(6)], item(7, more="<l:couleur/>")))
    plain = message.replace(b"<l:", b"<").replace(b"</l:", b"</").replace(b"xmlns:l=", b"xmlns=")
    fault = refused(canal, plain, "ERR_WS_008")
    assert (fault["position"], fault["champ"]) == ("7", "couleur")
    assert "demande 7, champ « couleur »" in fault["texte"]


def test_the_names_that_the_schema_wanted_are_told(canal: Canal) -> None:
    fault = refused(canal, envelope(request("annulerLot", "<l:numeroDemande>1</l:numeroDemande>")), "ERR_WS_008")
    assert fault["champ"] == "numeroDemande"
    assert "Éléments attendus dans cet ordre : indexLot." in fault["texte"]


LOT_SHAPES = {
    "no lot": "",
    "two lots": "<l:lot><l:reference>a</l:reference>" + item(1) + "</l:lot>" + "<l:lot/>",
    "no reference": "<l:lot>" + item(1) + "</l:lot>",
    "no item": "<l:lot><l:reference>a</l:reference></l:lot>",
    "empty": "<l:lot/>",
    "reference last": "<l:lot>" + item(1) + "<l:reference>a</l:reference></l:lot>",
    "bad reference": "<l:lot><l:reference>a b</l:reference>" + item(1) + "</l:lot>",
    "stranger among the items": "<l:lot><l:reference>a</l:reference>" + item(1) + "<l:x/>" + item(2) + "</l:lot>",
    "stranger far behind": "<l:lot><l:reference>a</l:reference>" + item(1) * 700 + "<l:x/></l:lot>",
    "text in the lot": "<l:lot>a<l:reference>a</l:reference>" + item(1) + "</l:lot>",
    "text far behind": "<l:lot><l:reference>a</l:reference>" + item(1) * 700 + "a</l:lot>",
    "text after a comment": "<l:lot><l:reference>a</l:reference>" + item(1) + "<!-- -->a</l:lot>",
    "attribute": "<l:lot a='1'><l:reference>a</l:reference>" + item(1) + "</l:lot>",
    "something after": "<l:lot><l:reference>a</l:reference>" + item(1) + "</l:lot><l:x/>",
}


@pytest.mark.parametrize("case", LOT_SHAPES)
@pytest.mark.parametrize("operation", ["deposerLot", "verifierLot"])
def test_lots_of_another_shape(canal: Canal, case: str, operation: str) -> None:
    refused(canal, envelope(request(operation, LOT_SHAPES[case])), "ERR_WS_008")


def test_ten_thousand_and_one_items(canal: Canal) -> None:
    fault = refused(canal, envelope(lot("<l:demande/>" * 10_001)), "ERR_WS_011")
    assert fault["champ"] == "demande"


def test_ten_thousand_bad_items_are_counted(canal: Canal) -> None:
    fault = refused(canal, envelope(lot("<l:demande a='1' b='2'/>" * 10_000)), "ERR_WS_008")
    assert (fault["position"], fault["autresFautes"]) == ("1", "9980")


DATES = ["2026-11-23T08:00:00", "2026-11-23T24:00:00Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "hier",
         "2026-11-23", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-0044-03-15T00:00:00Z", "12026-01-01T00:00:00Z"]  # fmt: skip


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("champ", ["depuis", "jusqua"])
def test_dates_without_zone_or_impossible(canal: Canal, date: str, champ: str) -> None:
    fault = refused(canal, envelope(search(f"<l:{champ}>{date}</l:{champ}>")), "ERR_WS_010")
    assert fault["champ"] == champ
    assert fault["fault"] == "messageRefuse"


def test_numbers_out_of_range(canal: Canal) -> None:
    for value in ("0", "-1", "9223372036854775808", "1.0", "1e3", "", "NaN"):
        fault = refused(canal, envelope(request("annulerLot", f"<l:indexLot>{value}</l:indexLot>")), "ERR_WS_008")
        assert fault["champ"] == "indexLot"


def test_href_to_its_own_ancestor(canal: Canal) -> None:
    refused(canal, envelope(request("annulerLot", '<l:indexLot href="#a"/>', ' id="a"')), "ERR_WS_008")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "application/json"}, "ERR_WS_004"),
        ({"Content-Type": "text/plain"}, "ERR_WS_004"),
        ({"Content-Type": "application/xml"}, "ERR_WS_004"),
        ({"Content-Type": ""}, "ERR_WS_004"),
        ({"Content-Type": "text/xml, application/json"}, "ERR_WS_004"),
        ({"Content-Type": 'multipart/related; type="text/xml"; boundary=b'}, "ERR_WS_004"),
        ({"Content-Type": 'multipart/related; type="application/xop+xml"; boundary=b'}, "ERR_WS_004"),
        ({"Content-Encoding": "gzip"}, "ERR_WS_003"),
        ({"Content-Encoding": "deflate, gzip"}, "ERR_WS_003"),
        ({"Content-Encoding": "br"}, "ERR_WS_003"),
    ],
)
def test_other_media_types_and_codings_are_415(canal: Canal, headers: dict[str, str], code: str) -> None:
    refused(canal, GOOD, code, headers=headers, status=415)
    refused(canal, gzip.compress(GOOD), code, headers=headers, status=415)


@pytest.mark.parametrize("charset", ["utf-7", "iso-8859-1", "utf-16", "rot13", "", "utf-32"])
def test_a_charset_that_is_not_that_of_the_bytes(canal: Canal, charset: str) -> None:
    refused(canal, GOOD, "ERR_WS_003", headers={"Content-Type": f"text/xml; charset={charset}"})


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "Utf-8", "us-ascii"])
def test_charsets_that_are(canal: Canal, charset: str) -> None:
    status, content = canal.post(GOOD, headers={"Content-Type": f"text/xml; charset={charset}"})
    assert status == 200
    body_of(content)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(canal: Canal, encoding: str) -> None:
    text = '<?xml version="1.0"?>' + GOOD.decode().replace("dossier-1", "dossier-é")
    status, content = canal.post(text.encode(encoding), headers={"Content-Type": "text/xml"})
    assert status == 200
    body_of(content)
    assert canal.desk.kept[1][1].demandes[0].service_applicatif == "dossier-é"


@BOTH
@pytest.mark.parametrize("action", ["urn:igc-exemple:lots:1.0/annulerLot", "annulerLot", "deposerLot", "urn:x"])
def test_an_action_that_names_another_operation(canal: Canal, version: SoapVersion, action: str) -> None:
    if version is V11:
        headers = {"SOAPAction": f'"{action}"'}
    else:
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
    refused(canal, envelope(lot(item(1)), version), "ERR_WS_006", version, headers=headers)


@BOTH
@pytest.mark.parametrize("action", ["urn:igc-exemple:lots:1.0/deposerLot", ""])
def test_an_action_that_names_the_operation(canal: Canal, version: SoapVersion, action: str) -> None:
    if version is V11:
        headers = {"SOAPAction": f'"{action}"'}
    else:
        headers = {"Content-Type": f'application/soap+xml; action="{action}"'}
    status, content = canal.post(envelope(lot(item(1)), version), version, headers)
    assert status == 200
    body_of(content, version)


def test_a_declared_length_above_the_limit_is_answered_before_the_body(canal: Canal) -> None:
    connection = canal.connect()
    connection.putrequest("POST", ENDPOINT)
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", str(10 * 2**30))
    connection.endheaders()
    response = connection.getresponse()
    fault = fault_of(response.read())
    assert (response.status, fault["code"], fault["fault"]) == (500, "ERR_WS_005", "messageRefuse")
    assert canal.desk.calls == []
    connection.close()


def test_a_chunked_body_above_the_limit_is_cut(canal: Canal) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(33):
            yield b" " * 2**20

    status, _, content = canal.exchange("POST", ENDPOINT, endless(), {"Content-Type": "text/xml"})
    assert (status, fault_of(content)["code"]) == (500, "ERR_WS_005")
    assert set(canal.desk.calls) == {"identify"}


def test_a_chunked_body_is_accepted(canal: Canal) -> None:
    message = envelope(lot(*[item(n) for n in range(200)]))
    pieces = (message[start : start + 1000] for start in range(0, len(message), 1000))
    status, _, content = canal.exchange("POST", ENDPOINT, pieces, {"Content-Type": "text/xml"})
    assert status == 200
    body_of(content)


@BOTH
def test_no_client_certificate(canal: Canal, version: SoapVersion) -> None:
    for message in (envelope(lot(item(1)), version), envelope(lot(*[item(1)] * 200), version), b"pas du XML"):
        fault = refused(canal, message, "ERR_WS_020", version, name=None)
        assert (fault["fault"], fault["side"]) == ("accesRefuse", version.sender)


def test_nothing_is_read_from_a_client_without_certificate(canal: Canal) -> None:
    connection = canal.connect(None)
    connection.putrequest("POST", ENDPOINT)
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", "5000")
    connection.endheaders()
    assert fault_of(connection.getresponse().read())["code"] == "ERR_WS_020"
    connection.close()


def test_a_certificate_that_nobody_registered(canal: Canal) -> None:
    assert refused(canal, GOOD, "ERR_WS_024", name="unknown")["fault"] == "accesRefuse"


def test_a_stranger_is_told_before_his_big_body_is_read(canal: Canal) -> None:
    connection = canal.connect("unknown")
    connection.putrequest("POST", ENDPOINT)
    connection.putheader("Content-Type", "text/xml")
    connection.putheader("Content-Length", "20000000")
    connection.endheaders()
    connection.send(b"<s:Envelope")
    response = connection.getresponse()
    assert fault_of(response.read())["code"] == "ERR_WS_024"
    connection.close()


def test_a_certificate_that_tls_refuses(canal: Canal) -> None:
    with pytest.raises(OSError, match=r"(?i)alert"):
        canal.post(GOOD, name="stranger")


@pytest.mark.parametrize("name", ["expired", "future", "server"])
def test_what_tls_lets_through_is_for_the_use_cases_to_judge(canal: Canal, name: str) -> None:
    status, content = canal.post(GOOD, name=name)
    assert (status, fault_of(content)["fault"]) == (500, "accesRefuse")
    assert canal.desk.calls == ["identify"]


def test_a_certificate_revoked_on_a_live_connection(canal: Canal) -> None:
    connection = canal.connect()
    headers = {"Content-Type": V11.content_type}
    connection.request("POST", ENDPOINT, GOOD, headers)
    assert connection.getresponse().read()
    canal.desk.revoked.add(canal.material.certificate_der("client"))
    connection.request("POST", ENDPOINT, GOOD, headers)
    response = connection.getresponse()
    assert (response.status, fault_of(response.read())["code"]) == (500, "ERR_WS_022")
    connection.close()


@BOTH
def test_an_exception_becomes_an_incident_and_says_nothing_else(
    canal: Canal, version: SoapVersion, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    status, content = canal.post(envelope(lot(item(1), reference="panne"), version), version)
    fault = fault_of(content, version)
    assert (status, fault["code"], fault["fault"], fault["side"]) == (
        500,
        "ERR_WS_099",
        "erreurTechnique",
        version.receiver,
    )
    assert fault["incident"] in fault["texte"]
    assert b"RuntimeError" not in content
    assert SECRET_TEXT not in fault["texte"]
    logged = capsys.readouterr().out + caplog.text
    assert fault["incident"] in logged
    assert "gestion@chu-exemple.fr" not in logged


def test_nothing_of_the_request_is_logged(
    canal: Canal, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for message in (GOOD, GOOD[:-20], envelope(lot(item(1).replace(">ORG<", ">gestion@chu-exemple.fr<")))):
        canal.post(message)
    logged = capsys.readouterr().out + caplog.text
    assert "gestion@chu-exemple.fr" not in logged
    assert "dossier-1" not in logged


def test_other_methods_and_addresses(canal: Canal) -> None:
    for method, path, expected in [
        ("PUT", ENDPOINT, 405),
        ("DELETE", ENDPOINT, 405),
        ("TRACE", ENDPOINT, 405),
        ("GET", ENDPOINT, 200),
        ("GET", "/", 200),
        ("GET", "/?x", 404),
        ("GET", "/ws/wsdl/../../etc/passwd", 404),
        ("GET", "/schemas/", 404),
        ("GET", ENDPOINT + "?wsdl=9", 404),
        ("POST", "/", 405),
        ("POST", ENDPOINT + "/", 405),
    ]:
        assert canal.exchange(method, path)[0] == expected, (method, path)


def test_headers_that_a_proxy_would_set_are_worth_nothing(canal: Canal) -> None:
    pem = json.dumps(Path(canal.material.path("client")[0]).read_text())
    headers = dict.fromkeys(("X-SSL-Client-Cert", "Client-Cert", "X-Forwarded-Client-Cert", "SSL_CLIENT_CERT"), pem)
    refused(canal, GOOD, "ERR_WS_020", headers={**headers, "X-Forwarded-For": "127.0.0.1"}, name=None)


def test_answers_escape_what_they_carry(canal: Canal) -> None:
    status, content = canal.post(envelope(lot(item(1), item(2), operation="verifierLot")))
    verdict = body_of(content)
    assert status == 200
    assert etree.tostring(verdict).count(b"ERR_IHM_062_2") == 1
