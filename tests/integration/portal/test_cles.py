"""The step that takes a CSR of the browser, and the page of its keys: what is kept, what is refused, whose it is."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from registration.vocabulary import GenreBrouillon
from tests.integration.portal.retiring import begin, caller, get, place, post, somebody, token
from tests.integration.portal.world import XSS, PortalWorld, new_csr, org_form

WHO = "dr-leroux"


def path_of(ident: str) -> str:
    return f"/demander/{ident}/etape-4/assistee"


def base64_csr(bits: int = 2048) -> str:
    return base64.b64encode(new_csr(bits).public_bytes(Encoding.DER)).decode()


def kept(world: PortalWorld, ident: str, who: str = WHO) -> object:
    found = world.ra.brouillons.read(caller(world, who), ident)
    assert found is not None
    return found.donnees.get("etape4")


@pytest.mark.parametrize("genre", [GenreBrouillon.DEMANDE, GenreBrouillon.RENOUVELLEMENT])
def test_the_csr_goes_into_the_form_under_way(world: PortalWorld, genre: GenreBrouillon) -> None:
    ident, session, csr = begin(world, genre=genre), world.session(WHO), base64_csr()
    page = get(world, session, path_of(ident))
    assert page.status_code == 200
    # Whatever else a page might send by mistake is not read.
    more = {"mot-de-passe": "Secret-tres-secret-1", "mode": "CHARGEE"}
    answer = post(world, session, path_of(ident), csrf_token=token(page), csr=csr, **more)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/demander/{ident}/finalisation")
    assert kept(world, ident) == {"mode": "ASSISTEE", "csr": csr, "nom": "CSR faite dans ce navigateur"}


def private_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "content", [b"", b"pas une CSR", b"\x30\x82\x01\x00", private_key(), new_csr().public_bytes(Encoding.PEM)]
)
def test_what_is_no_csr_is_not_kept(world: PortalWorld, content: bytes) -> None:
    ident, session = begin(world), world.session(WHO)
    csrf = token(get(world, session, path_of(ident)))
    for text in (base64.b64encode(content).decode(), content.decode("latin-1")):
        answer = post(world, session, path_of(ident), csrf_token=csrf, csr=text)
        assert answer.status_code in {400, 422}
        assert "ERR_IHM_031" in answer.text or answer.status_code == 400
        assert kept(world, ident) is None
        assert not text or text not in answer.text


def test_a_key_too_weak_is_not_kept(world: PortalWorld) -> None:
    ident, session = begin(world), world.session(WHO)
    csrf = token(get(world, session, path_of(ident)))
    answer = post(world, session, path_of(ident), csrf_token=csrf, csr=base64_csr(1024))
    assert (answer.status_code, kept(world, ident)) == (422, None)


def test_a_session_that_is_over_is_told_by_its_code(world: PortalWorld) -> None:
    ident, session = begin(world), world.session(WHO)
    csrf = token(get(world, session, path_of(ident)))
    session.cookies.clear()
    answer = post(world, session, path_of(ident), csrf_token=csrf, csr=base64_csr())
    assert (answer.status_code, "ERR_IHM_028" in answer.text, kept(world, ident)) == (422, True, None)
    assert post(world, session, path_of(ident), csrf_token=token(answer), csr=base64_csr()).status_code == 303


def test_a_form_of_another_one_or_of_another_kind_is_none(world: PortalWorld) -> None:
    mine, session = begin(world), world.session(somebody(world))
    others = set(GenreBrouillon) - {GenreBrouillon.DEMANDE, GenreBrouillon.RENOUVELLEMENT}
    of_another_kind = [(world.session(WHO), begin(world, genre=genre)) for genre in others]
    for who, ident in (*of_another_kind, (session, mine), (session, "x"), (session, "a" * 500)):
        assert get(world, who, path_of(ident)).status_code == 404
        assert post(world, who, path_of(ident), csrf_token="x", csr=base64_csr()).status_code == 404
    assert kept(world, mine) is None


def test_a_form_that_was_sent_leads_to_what_it_became(world: PortalWorld) -> None:
    ident, session = begin(world), world.session(WHO)
    page = get(world, session, path_of(ident))
    world.ra.demandes.submit(world.origin(WHO), org_form("Déjà envoyée"), brouillon=ident)
    for answer in (
        get(world, session, path_of(ident)),
        post(world, session, path_of(ident), csrf_token=token(page), csr=base64_csr()),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, f"/demander/{ident}/confirmation")


def test_what_was_typed_before_is_text_in_the_page(world: PortalWorld) -> None:
    ident = begin(world, service=XSS)
    page = get(world, world.session(WHO), path_of(ident)).text
    assert XSS not in page
    assert "&lt;img src=x" in page


def test_the_page_of_keys_tells_my_demandes_and_nobody_elses(world: PortalWorld) -> None:
    name = somebody(world)
    session = world.session(name)
    assert "Aucune de vos demandes" in get(world, session, "/cles").text
    form = org_form("Clé en ligne", csr_assistee=True)
    numero, uploaded, other = place(world, form, who=name), place(world, who=name), place(world, csr_assistee=True)
    page = get(world, session, "/cles").text
    assert re.findall(r'data-lien="/suivi/demandes/(\d+)"', page) == [str(numero)]
    assert f"/retirer/{numero}" in page
    assert f"/suivi/demandes/{uploaded}" not in page
    assert f"/suivi/demandes/{other}" not in page
    spki = (
        x509.load_der_x509_csr(form.csr or b"")
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    assert f'data-empreinte="{hashlib.sha256(spki).hexdigest()}"' in page
