"""Who comes in, who does not, and what an answer carries: programs over real mutual TLS."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from requests.exceptions import SSLError
from sqlalchemy import func, select
from structlog.testing import capture_logs

from batch.issuing.own_certificates import enroll
from commands.trial.fictitious import CLINIQUE, HOPITAL
from pki.certificates.content import CertificateContent
from pki.certificates.pem import certificate_pem
from pki.certificates.serials import new_serial
from pki.issuing.issuance import issue, lint, prepare
from portal_ihm.app import build_app
from registration.vocabulary import Offre
from storage import tables
from tests.integration.portal.wizard import MAIL, Wizard, codes_at, ready, summary_of, token
from tests.integration.portal.world import SECRET, PortalWorld, make_portal_world
from tests.support.acteurs import ALL_SENDERS
from tests.support.databases import count_rows
from tests.support.hierarchies import Hierarchy
from tests.support.named_authorities import named_authorities
from tests.support.pairs import write_pair

_PEM = Encoding.PEM
CPS = CertificateContent(
    product="CPS_AUTH", common_name="899700990099", surname="ANCIEN", given_name="ALIX", title="Infirmier",
    upn="8.99700990099@carte.igc.example", profession=60, card_number="8025000001/0000000099",
)  # fmt: skip
SEAL = CertificateContent(
    product="ORG_SIGN", common_name="cachet", state="Paris (75)", organization="HOPITAL",
    organizational_unit="10B0990011",
)  # fmt: skip


def reference(page: str) -> str:
    found = re.search(r'Référence à donner à l\'assistance.: <span class="code">([0-9a-f]{12})</span>', page)
    assert found, page
    return found[1]


def test_a_registered_certificate_comes_in_and_is_named(world: PortalWorld) -> None:
    answer = world.session("dr-leroux").get(world.url)
    assert answer.status_code == 200
    assert "<strong>LEROUX CAMILLE</strong>" in answer.text
    assert '<span class="visually-hidden">Plateforme </span>TEST' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/suivi",
        "/suivi/demandes?offre=TOUTES",
        "/suivi/demandes.csv?offre=TOUTES",
        "/suivi/demandes/1",
        "/demander",
        "/rien",
    ],
)
def test_without_certificate_every_page_is_refused_with_advice(world: PortalWorld, path: str) -> None:
    with capture_logs() as logs:
        answer = world.session(None).get(world.url + path)
    assert answer.status_code == 403
    assert "ERR_IHM_002" in answer.text
    assert "Insérez votre carte dans le lecteur" in answer.text
    assert "ACACIAS" not in answer.text
    assert reference(answer.text) in {line.get("incident") for line in logs}


def test_a_valid_certificate_that_nobody_registered_is_refused(world: PortalWorld) -> None:
    sender = ALL_SENDERS["inconnu"]
    pair = write_pair(
        world.client("dr-leroux").key.parent, "etranger", enroll(world.context, world.plateforme, sender.content)
    )
    answer = world.session(pair).get(world.url)
    assert (answer.status_code, "ERR_WS_024" in answer.text) == (403, True)
    assert "Demandez votre inscription" in answer.text


def test_a_card_that_nobody_registered_comes_in_and_sees_what_its_bearer_may(world: PortalWorld) -> None:
    """Guide §7: every card opens the plateforme; a bearer may follow, and the page offers him nothing else."""
    world.enroll("nouveau", registered=False)
    before = count_rows(world.db) | {"session_portail": 0}
    session = world.session("nouveau")
    answer = session.get(world.url)
    assert (answer.status_code, "<strong>NOUVEAU ALIX</strong>" in answer.text) == (200, True)
    assert 'href="/suivi"' in answer.text
    offered = session.get(f"{world.url}/demander").text
    assert re.findall(r'name="offre" value="(\w+)"', offered) == ["PS"], "for himself, and nothing else"
    assert "les certificats dont vous êtes le porteur" in answer.text
    assert session.get(f"{world.url}/suivi/demandes?offre=TOUTES").status_code == 200
    assert session.get(f"{world.url}/suivi/demandes/1").status_code == 404
    assert count_rows(world.db) | {"session_portail": 0} == before


def test_a_certificate_of_the_other_plateforme_is_told_so(world: PortalWorld) -> None:
    answer = world.session(world.foreigner).get(world.url)
    assert (answer.status_code, "ERR_WS_023" in answer.text) == (403, True)
    assert "Une carte de test" in answer.text


def test_a_certificate_of_an_unknown_authority_ends_in_the_handshake(
    world: PortalWorld, tmp_path: Path, production_hierarchy: Hierarchy
) -> None:
    with make_portal_world(tmp_path, production_hierarchy) as other:
        session = world.session(other.client("dr-leroux"))
        with pytest.raises((SSLError, requests.ConnectionError)):
            session.get(world.url)


CARDS, APPLICATIONS = "ACI-CARTES-TEST", "ACI-EL-ORG-TEST"


def issued(world: PortalWorld, authority: str, content: CertificateContent, begin: datetime, end: datetime) -> bytes:
    """Certificate and key in PEM, straight from an authority and without any row."""
    private = rsa.generate_private_key(65537, 2048)
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    issuer = world.context.authorities[authority]
    prepared = prepare(issuer, content, spki, new_serial(), begin, not_after=end)
    der = issue(lint(prepared, issuer), world.context.signers[authority]).der
    return certificate_pem(der) + private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("authority", "content", "begins", "code", "advice"),
    [
        (CARDS, CPS, None, "ERR_WS_022", "Demandez le remplacement de votre carte"),  # with the authority, for a second
        (CARDS, CPS, timedelta(days=1), "ERR_WS_022", "Demandez le remplacement de votre carte"),
        (APPLICATIONS, SEAL, timedelta(), "ERR_WS_021", "et non un certificat de signature"),
    ],
)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_of_ours_that_is_not_good_has_a_page_and_no_alert(
    world: PortalWorld,
    authority: str,
    content: CertificateContent,
    begins: timedelta | None,
    code: str,
    advice: str,
    version: ssl.TLSVersion,
    tmp_path: Path,
) -> None:
    begin, end = world.context.authorities[authority].certificate.not_valid_before_utc, timedelta(seconds=1)
    if begins is not None:
        begin, end = datetime.now(UTC) + begins, timedelta(days=29)
    pem = tmp_path / "pas-bon.pem"
    pem.write_bytes(issued(world, authority, content, begin, begin + end))
    context = ssl.create_default_context(cafile=str(world.root))
    context.load_cert_chain(pem)
    context.minimum_version = context.maximum_version = version
    answer = raw_get(world, "/", "localhost", context)
    assert answer.startswith("HTTP/1.1 403")
    assert code in answer
    assert advice in answer
    assert '<html lang="fr">' in answer


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_handshake_names_the_authorities_of_cards(world: PortalWorld, version: str) -> None:
    card = world.client("dr-leroux").leaf()
    (name,) = card.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value in named_authorities(world.port, version)


def test_a_revocation_counts_at_the_next_request_of_an_open_session(world: PortalWorld) -> None:
    world.enroll("revoquee", habilitations=((Offre.ORG, CLINIQUE, None),))
    session = world.session("revoquee")
    assert session.get(f"{world.url}/demander").status_code == 200
    assert "__Host-portail" in session.cookies
    world.revoke("revoquee")
    answer = session.get(f"{world.url}/demander")
    assert (answer.status_code, "ERR_WS_022" in answer.text) == (403, True)


def test_a_session_cookie_of_somebody_else_opens_nothing(world: PortalWorld) -> None:
    leroux = world.session("dr-leroux")
    leroux.get(f"{world.url}/demander")
    thief = world.session(None)
    thief.cookies.update(leroux.cookies)
    assert thief.get(f"{world.url}/demander").status_code == 403
    other = world.session("ide-marchand")
    other.cookies.update(leroux.cookies)
    page = other.get(f"{world.url}/demander").text
    assert "<strong>MARCHAND SOPHIE</strong>" in page
    assert HOPITAL not in page


def test_the_session_cookie_is_bound_to_the_host_and_hidden_from_scripts(world: PortalWorld) -> None:
    cookie = world.session("dr-leroux").get(f"{world.url}/demander").headers["set-cookie"]
    assert cookie.startswith("__Host-portail=")
    assert {"path=/", "httponly", "samesite=strict", "secure"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain=" not in cookie.lower()


@pytest.mark.parametrize(
    "path", ["/", "/suivi/demandes", "/suivi/demandes/999999999", "/rien", "/deconnexion", "/static/portail.css"]
)
def test_every_answer_carries_the_security_headers(world: PortalWorld, path: str) -> None:
    headers = world.session("dr-leroux").get(world.url + path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_strict_transport_is_asked_for_a_public_name_only(world: PortalWorld) -> None:
    from starlette.datastructures import MutableHeaders

    from portal_ihm.shell.headers import apply_headers

    public, local = MutableHeaders(), MutableHeaders()
    apply_headers(public, "portail.igc.example")
    apply_headers(local, "localhost")
    assert "strict-transport-security" in public
    assert "strict-transport-security" not in local


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://localhost"])
def test_a_form_of_another_origin_is_refused_before_it_is_read(world: PortalWorld, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    answer = world.session("dr-leroux").post(f"{world.url}/demander", data={"usage": "SIGN"}, headers=headers)
    assert answer.status_code == 403
    assert "Ce formulaire ne vient pas du portail" in answer.text


@pytest.mark.parametrize("token", [None, "", "##", "##deadbeef", "20991231235959##deadbeef"])
def test_a_form_without_its_token_places_nothing(world: PortalWorld, token: str | None) -> None:
    service = f"Essai de falsification {token}"
    form = ready(world, world.session("dr-leroux"), service_applicatif=service)
    for step in (1, 2, 3, 4, "finalisation", "annuler"):
        answer = form.session.post(
            world.url + form.url(step),
            data={"usage": "CONF", "offre": "SERV"} | ({} if token is None else {"csrf_token": token}),
            headers={"Origin": world.url},
            allow_redirects=False,
        )
        assert (answer.status_code, "il y a trop longtemps" in answer.text, step) == (422, True, step)
    assert form.page("finalisation").status_code == 200, "nothing was kept, sent or dropped"
    with world.db.read() as session:
        before = session.scalar(select(func.max(tables.Demande.id)))
    assert before is None or world.demande(before).service_applicatif != service
    # Without this one, the refusals above would also pass on a form that never works.
    assert form.send().status_code == 303


def test_a_token_of_another_person_is_worth_nothing(world: PortalWorld) -> None:
    theirs = token_of(world.session("ide-marchand"), world)
    form = ready(world, world.session("dr-leroux"))
    assert form.step("finalisation", csrf_token=theirs).status_code == 422


def token_of(session: requests.Session, world: PortalWorld) -> str:
    return token(session.get(f"{world.url}/demander").text)


def test_a_body_too_large_is_refused_in_french(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    answer = session.post(
        f"{world.url}/demander", files={"csr": ("gros.zip", bytes(300_000))}, headers={"Origin": world.url}
    )
    assert (answer.status_code, "Envoi trop volumineux" in answer.text) == (413, True)


def test_a_body_too_large_without_a_length_is_refused_as_well(world: PortalWorld) -> None:
    session = world.session("dr-leroux")

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="csr"; filename="x"\r\n\r\n'
        for _ in range(300):
            yield bytes(1024)

    answer = session.post(
        f"{world.url}/demander/1/etape-4",
        data=endless(),
        headers={"Origin": world.url, "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert (answer.status_code, "Envoi trop volumineux" in answer.text) == (413, True)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"--b\r\nbroken", "multipart/form-data; boundary=b"),
        (b"no boundary", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "text/plain"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_a_malformed_form_is_an_answer_not_a_crash(world: PortalWorld, body: bytes, media_type: str) -> None:
    answer = world.session("dr-leroux").post(
        f"{world.url}/demander", data=body, headers={"Origin": world.url, "Content-Type": media_type}
    )
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize(
    "path",
    [
        "/rien",
        "/suivi/demandes/999999999",
        "/suivi/demandes/99999999999999999999999999",
        "/suivi/demandes/" + "9" * 5000,
        "/suivi/demandes/0",
        "/suivi/demandes/-1",
        "/suivi/demandes/%C2%B2",
        "/suivi/demandes/abc/historique",
        "/demander/424242/confirmation",
        "/static/../app.py",
        "/static/vendor",
    ],
)
def test_what_does_not_exist_is_said_in_french_with_a_reference(world: PortalWorld, path: str) -> None:
    answer = world.session("dr-leroux").get(world.url + path)
    assert answer.status_code == 404
    assert reference(answer.text)
    assert '<html lang="fr">' in answer.text


def raw_get(world: PortalWorld, path: str, host: str, context: ssl.SSLContext | None = None) -> str:
    """The answer to a request that no well-behaved client library would send."""
    context = context or ssl.create_default_context(cafile=str(world.root))
    with (
        socket.create_connection(("127.0.0.1", world.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: secure.recv(65536), b"")).decode()


@pytest.mark.parametrize(
    "path", ["/static/../suivi", "/static/../../app.py", "/static/%2e%2e/%2e%2e/app.py", "/static//etc/passwd"]
)
def test_the_folder_of_static_files_has_no_way_out(world: PortalWorld, path: str) -> None:
    answer = raw_get(world, path, "localhost")
    assert answer.startswith("HTTP/1.1 404"), answer
    assert "build_app" not in answer


@pytest.mark.parametrize("host", ["localhost/static/x?", "localhost/static/", "evil.example", "localhost/deconnexion#"])
def test_no_host_header_opens_the_door(world: PortalWorld, host: str) -> None:
    answer = raw_get(world, "/suivi", host)
    assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400")), answer
    assert "evil.example" not in answer


def test_a_form_sent_after_its_session_comes_back_whole_and_goes_on_the_second_time(world: PortalWorld) -> None:
    form = Wizard(world, world.session("dr-leroux"))
    form.choose("ORG", HOPITAL)
    form.step(3, usage="SIGN", action="usage")
    page = form.page(3).text
    form.session.cookies.clear()
    fields = {"usage": "SIGN", "service_applicatif": "Envoi tardif", "email_acteur": MAIL}
    late = form.post(form.url(3), page=page, **fields)
    assert (late.status_code, 'value="Envoi tardif"' in late.text) == (422, True)
    assert form.post(form.url(3), page=late.text, **fields).headers["location"] == form.url(4)


def test_a_reason_that_the_guide_has_no_code_for_is_a_failed_validation(world: PortalWorld) -> None:
    form = ready(world, world.session("dr-leroux"))
    answer = form.step(3, usage="AUTH_CLI", service_applicatif="Labo\u202eratoire", email_acteur=MAIL)
    assert answer.status_code == 422
    assert codes_at(answer.text) == {"service_applicatif": ["ERR_IHM_063"]}
    assert "n'a pas pu être validée" in summary_of(answer.text)
    assert "ERR_WS_" not in answer.text


def test_a_wrong_method_is_refused_in_french(world: PortalWorld) -> None:
    answer = world.session("dr-leroux").delete(f"{world.url}/suivi", headers={"Origin": world.url})
    assert (answer.status_code, "Action impossible" in answer.text) == (405, True)
    assert answer.headers["allow"]


def test_leaving_empties_the_session(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    session.get(f"{world.url}/demander")
    answer = session.post(f"{world.url}/deconnexion", headers={"Origin": world.url})
    assert answer.url.endswith("/deconnexion")
    assert "Fermez toutes les fenêtres du navigateur" in answer.text
    assert "LEROUX" not in answer.text
    assert "__Host-portail" not in session.cookies


def test_a_crash_tells_nothing_but_a_reference_that_the_log_has(
    tmp_path: Path, production_hierarchy: Hierarchy
) -> None:
    with make_portal_world(tmp_path, production_hierarchy) as broken:
        with broken.db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE habilitation")
        session = broken.session("dr-leroux")
        with capture_logs() as logs:
            answer = session.get(broken.url)
        assert session.get(f"{broken.url}/deconnexion").status_code == 200, "the portal lives on"
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "habilitation" not in answer.text
    assert "SELECT" not in answer.text
    (line,) = [line for line in logs if line["event"] == "portal incident"]
    assert line["incident"] == reference(answer.text)


def test_unfit_secrets_and_addresses_are_refused_at_the_start(world: PortalWorld) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        build_app(world.ra, session_secret=SECRET[:31], public_url="https://portail.igc.example")
    for address in ("http://portail.igc.example", "portail.igc.example", "https://"):
        with pytest.raises(ValueError, match="https"):
            build_app(world.ra, session_secret=SECRET, public_url=address)
