"""Requests that no browser sends: each has a French answer, none is a crash, none costs more than it weighs."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

from portal_ihm.login.intake import SESSION_COOKIE, Intake
from tests.integration.portal.wizard import MAIL, Wizard
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import HOPITAL
from tests.support.growth import by_four, grows_too_fast

pytestmark = pytest.mark.long

CODECS = (
    "idna",
    "punycode",
    "undefined",
    "utf-7",
    "unicode_escape",
    "rot13",
    "zlib",
    "uu",
    "mbcs",
    "utf-16",
    "x" * 900,
)
ODD_TEXTS = (
    "é" * 40, "\u0665" * 8, "+5", "1_0", "-1", "0x5", "1e9", "9" * 5000, "\u00b2", "\0", "\u202e1", "2026-13-45",
    "0000-00-00", "9999-12-31", "99999-01-01", "31/02/2026", "\u0662\u0660\u0662\u0666-\u0660\u0661-\u0660\u0661",
    "2026-01-01" + "0" * 3000, "%00", "\ufeff1", "🙂",
)  # fmt: skip
PARAMETERS = (
    "numero", "index_lot", "offre", "usage", "etat", "periode", "apres_le", "avant_le", "structure",
    "service_applicatif", "adresse_email", "fqdn", "taille", "apres", "inconnu",
)  # fmt: skip


@contextlib.contextmanager
def no_crash() -> Iterator[None]:
    with capture_logs() as logs:
        yield
    assert [line for line in logs if line["log_level"] in {"error", "critical"}] == []


def connect(world: PortalWorld, name: str | None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(world.root))
    if name is not None:
        client = world.client(name)
        context.load_cert_chain(client.certificate, client.key)
    raw = socket.create_connection(("127.0.0.1", world.port), timeout=30)
    return context.wrap_socket(raw, server_hostname="localhost")


def exchange(world: PortalWorld, request: bytes, name: str | None = "dr-leroux") -> bytes:
    with connect(world, name) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


def third_step(world: PortalWorld) -> Wizard:
    form = Wizard(world, world.session("dr-leroux"))
    form.choose("ORG", HOPITAL)
    form.step(3, usage="CONF", action="usage")
    return form


def good_fields(form: Wizard) -> dict[str, str]:
    return {**form.hidden(form.page(3).text), "usage": "CONF", "service_applicatif": "Essai", "email_acteur": MAIL}


@pytest.mark.parametrize("charset", CODECS)
def test_a_form_that_names_any_codec(world: PortalWorld, charset: str) -> None:
    form = third_step(world)
    texts = good_fields(form) | {"service_applicatif": "Hôpital ñ", "email_acteur": ""}
    with no_crash():
        answer = posted(form, 3, texts, f"; charset={charset}")
    assert answer.status_code == 422
    # Read as UTF-8 whatever it says, or not read at all.
    assert len(charset) > 100 or "Hôpital ñ" in answer.text


@pytest.mark.parametrize("field", ["csrf_token", "usage", "service_applicatif", "email_acteur"])
def test_a_file_in_the_place_of_a_text(world: PortalWorld, field: str) -> None:
    form = third_step(world)
    fields = good_fields(form)
    fields.pop(field)
    with no_crash():
        answer = form.session.post(
            world.url + form.url(3), data=fields, files={field: ("a", b"AAAA")}, headers={"Origin": world.url}
        )
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("framing", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
def test_a_client_that_leaves_in_mid_upload(world: PortalWorld, framing: bytes) -> None:
    head = (
        b"POST /demander HTTP/1.1\r\nHost: localhost\r\nOrigin: %b\r\n%b\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" % (world.url.encode(), framing)
    )
    part = b'--b\r\nContent-Disposition: form-data; name="csr"; filename="a"\r\n\r\n' + b"A" * 600
    part = b"%x\r\n%b\r\n" % (len(part), part) if framing.startswith(b"T") else part
    with no_crash():
        client = connect(world, "dr-leroux")
        client.sendall(head + part)
        client.close()
        assert world.session("dr-leroux").get(world.url).status_code == 200


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("path", ["/suivi/demandes", "/suivi/demandes/1"])
def test_odd_values_in_every_parameter(world: PortalWorld, path: str, parameter: str) -> None:
    session = world.session("dr-leroux")
    with no_crash():
        for text in ODD_TEXTS:
            params = {"offre": "TOUTES"} | ({"periode": "intervalle"} if parameter.endswith("_le") else {})
            answer = session.get(world.url + path, params=params | {parameter: text})
            assert answer.status_code in {200, 404, 422}, text


def posted(form: Wizard, step: int, fields: dict[str, str], charset: str = "") -> requests.Response:
    """Sent as it stands: what no library would encode."""
    texts = {name: value.encode("utf-8", "surrogatepass") for name, value in fields.items()}
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in texts.items()
    )
    content_type = f"multipart/form-data; boundary=b{charset}"
    headers = {"Origin": form.world.url, "Content-Type": content_type}
    url = form.world.url + form.url(step)
    return form.session.post(url, data=body + b"--b--\r\n", headers=headers, allow_redirects=False)


@pytest.mark.parametrize(
    "field", ["usage", "usage_affiche", "service_applicatif", "email_acteur", "email_informe", "csrf_token"]
)
def test_odd_values_in_every_field_of_step_3(world: PortalWorld, field: str) -> None:
    form = third_step(world)
    good = good_fields(form) | {"email_acteur": ""}
    with no_crash():
        for text in (*ODD_TEXTS, "\ud800"):
            assert posted(form, 3, good | {field: text}).status_code in {303, 422}, text


@pytest.mark.parametrize(
    "field", ["offre", "structure", "raison_sociale", "beneficiaire", "beneficiaire_id", "nom", "offertes"]
)
def test_odd_values_in_every_field_of_step_1(world: PortalWorld, field: str) -> None:
    form = Wizard(world, world.session("dr-leroux"))
    form.begin("PRO")
    form.step(1, offre="PRO", structure=HOPITAL)
    good = {**form.hidden(form.page(1).text), "offre": "PRO"}
    with no_crash():
        for text in (*ODD_TEXTS, "\ud800"):
            assert posted(form, 1, good | {field: text}).status_code in {303, 422}, text
            assert form.page(1).status_code == 200, text


@pytest.mark.parametrize(
    "header",
    [
        b"If-Modified-Since: Thu, 01 Jan 99999 00:00:00 GMT",
        b"If-Modified-Since: Thu, 01 Jan 0001 00:00:00 +9999",
        b"If-None-Match: " + b'"a",' * 3000,
        b"Range: bytes=" + b"0-," * 3000,
        b"Range: bytes=99999999999999999999-",
        b"If-Range: \xe9",
        b"Cookie: " + SESSION_COOKIE.encode() + b'="' + b"\\" * 12_000,
        b"Cookie: " + SESSION_COOKIE.encode() + b"=a.b.c",
        b"Cookie: " + b"a=b;" * 3000,
        b"Content-Type: multipart/form-data" + b';"' * 6000,
        b"Content-Length: +5",
        b"Content-Length: 1_0",
        "Content-Length: ٥".encode(),
        b"Content-Length: " + b"9" * 5000,
        b"Accept-Language: \xff\xfe",
    ],
)
@pytest.mark.parametrize("path", [b"/static/portail.css", b"/suivi", b"/demander"])
@pytest.mark.parametrize("name", [None, "dr-leroux"])
def test_odd_values_in_the_head(world: PortalWorld, header: bytes, path: bytes, name: str | None) -> None:
    with no_crash():
        answer = exchange(
            world, b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n\r\n" % (path, header), name
        )
    if b"Length" in header:
        assert answer.startswith(b"HTTP/1.1 400 ")
    elif path.startswith(b"/static"):
        assert answer.startswith(b"HTTP/1.1 200 ")
    else:
        assert answer.startswith(b"HTTP/1.1 403 " if name is None else b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/suivi/", "/demander/", "/deconnexion/", "/static", "//evil.example", "/suivi//"])
@pytest.mark.parametrize("target", ["%s", "https://evil.example%s"])
def test_no_redirect_leads_where_the_host_field_says(world: PortalWorld, path: str, target: str) -> None:
    request = f"GET {target % path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
    for name in (None, "dr-leroux"):
        answer = exchange(world, request, name)
        assert answer.split(b" ")[1] in {b"403", b"404"}
        assert b"\r\nlocation:" not in answer.partition(b"\r\n\r\n")[0].lower()
        assert b"evil.example" not in answer.partition(b"\r\n\r\n")[0]


def test_the_absolute_form_is_the_same_page(world: PortalWorld) -> None:
    request = b"GET %b HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    absolute = exchange(world, request % b"https://localhost:1/static/portail.css?v=1")
    assert absolute.startswith(b"HTTP/1.1 200 ")
    assert (
        absolute.partition(b"\r\n\r\n")[2]
        == exchange(world, request % b"/static/portail.css").partition(b"\r\n\r\n")[2]
    )


def test_a_long_path_is_not_a_long_line(world: PortalWorld) -> None:
    with capture_logs() as logs:
        assert exchange(
            world, b"GET /%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (b":" * 12_000)
        ).startswith(b"HTTP/1.1 404")
    assert max(len(json.dumps(line, default=str)) for line in logs) < 1000


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        (b"cookie", SESSION_COOKIE.encode() + b"="),
        (b"cookie", b'"\\'),
        (b"cookie", SESSION_COOKIE.encode() + b'="\\101'),
        (b"cookie", b";"),
        (b"content-type", b';"'),
        (b"content-type", b"multipart/form-data; boundary="),
        (b"content-type", b'; a="\\"'),
        (b"if-none-match", b'",'),
    ],
)
def test_reading_a_head_costs_its_length(name: bytes, unit: bytes) -> None:
    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection, parse_options_header  # type: ignore[attr-defined]  # the one it uses

    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(HTTPConnection(scope).cookies)
        parse_options_header(Headers(scope=scope).get("content-type"))

    def read(size: int) -> None:
        value = unit * (size // len(unit))
        scope = {"type": "http", "headers": [(name, value), (name, b'multipart/form-data; a="' + value)]}
        with contextlib.suppress(StopIteration):
            Intake(app)(scope, None, None).send(None)  # type: ignore[arg-type]  # it goes no further than the head

    assert grows_too_fast(read, by_four(128, 33_000)) is None
    assert seen
