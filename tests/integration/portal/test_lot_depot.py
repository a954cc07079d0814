"""Deposit of a lot file through the portal: the gates of the web service, the verdicts before, one lot after."""

from __future__ import annotations

import codecs
import re
import time
from datetime import UTC, datetime

import pytest
import requests

from registration.acteurs.administrateurs import appoint
from registration.acteurs.habilitations import Terms
from registration.lots import preparing
from tests.integration.portal.lot_files import envelope, item, lot, message, new_csr_text
from tests.integration.portal.test_lots import Site, get, post, text_of, token_of
from tests.integration.portal.test_tiers import select
from tests.integration.portal.world import XSS, PortalWorld
from tests.support.acteurs import ALL_SENDERS, add_acteur
from tests.support.pairs import write_pair
from ws.contract.names import CONTRACT_NS, SoapVersion

ITEM = item("AAAA")


def upload(session: requests.Session, world: Site, content: bytes | str, token: str | None = None) -> requests.Response:
    token = token_of(get(session, world, "/lots/depot")) if token is None else token
    data = content.encode() if isinstance(content, str) else content
    return session.post(
        f"{world.url}/lots/depot",
        data={"csrf_token": token},
        files={"fichier": ("lot.xml", data, "text/xml")},
        headers={"Origin": world.url},
        allow_redirects=False,
    )


def checked(session: requests.Session, world: PortalWorld, address: str) -> requests.Response:
    """The page of a check once it has ended."""
    for _ in range(200):
        page = get(session, world, address)
        if "Refresh" not in page.headers:
            return page
        time.sleep(0.1)
    raise AssertionError("the check does not end")


def forms_of(reference: str) -> dict[str, str]:
    """One lot in every form that is taken."""
    alone = lot(reference, [item(new_csr_text())])
    return {
        "lot": alone,
        "message": message(alone),
        "verify": message(alone, "verifierLot"),
        "soap 1.1": envelope(message(alone)),
        "soap 1.2": envelope(message(alone), SoapVersion.V12),
        "declared": f'<?xml version="1.0" encoding="UTF-8"?>\n{alone}',
    }


def test_a_file_is_checked_then_deposited_once(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    content = lot(
        "portail-1", [item(new_csr_text(), f"Service {n}") for n in range(3)] + [item(new_csr_text(), email="x")]
    )
    sent = upload(session, world, content)
    assert sent.status_code == 303, sent.text
    address = sent.headers["Location"]
    page = checked(session, world, address)
    text = text_of(page)
    assert "3 acceptés, 1 refusé" in text
    assert "ERR_IHM_057" in text
    assert "portail-1" not in get(session, world, "/lots").text
    assert f'href="{address}"' in get(session, world, "/").text
    token = token_of(page)
    assert post(session, world, address).status_code == 422
    done = post(session, world, address, csrf_token=token, action="deposer")
    assert done.status_code == 303
    index = re.fullmatch(r"/lots/(\d+)\?depose=1", done.headers["Location"])
    assert index
    assert "Le lot est déposé" in text_of(get(session, world, done.headers["Location"]))
    # A double click, a reload of the check, the same file again: the one lot.
    again = post(session, world, address, csrf_token=token, action="deposer")
    assert again.headers["Location"] == f"/lots/{index[1]}?depose=deja"
    assert get(session, world, address).headers["Location"] == f"/lots/{index[1]}?depose=deja"
    twice = upload(session, world, content)
    assert twice.headers["Location"] == f"/lots/{index[1]}?depose=deja"
    assert "était déjà déposé" in text_of(get(session, world, twice.headers["Location"]))
    other = upload(session, world, lot("portail-1", [item(new_csr_text())]))
    assert other.status_code == 422
    assert "ERR_WS_030" in other.text
    assert f'href="/lots/{index[1]}"' in other.text
    world.run_batch()
    assert "3 certificats à retirer" in text_of(get(session, world, f"/lots/{index[1]}"))


def test_every_form_of_the_same_lot_is_the_same_lot(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    contents = forms_of("portail-formes")
    first = upload(session, world, contents.pop("lot"))
    page = checked(session, world, first.headers["Location"])
    done = post(session, world, first.headers["Location"], csrf_token=token_of(page), action="deposer")
    index = done.headers["Location"].partition("?")[0]
    for name, content in contents.items():
        for data in (content.encode(), codecs.BOM_UTF8 + content.encode()):
            assert upload(session, world, data).headers.get("Location") == f"{index}?depose=deja", name
    utf16 = contents["message"].encode("utf-16")
    assert upload(session, world, utf16).headers["Location"] == f"{index}?depose=deja"


def test_a_lot_of_revocations_is_taken_as_well(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    one = (
        "<revocation><numeroProduit>999999</numeroProduit><motif>FIN_ACTIVITE</motif>"
        "<emailActeur>a@acacias.example</emailActeur><confirmation>true</confirmation></revocation>"
    )
    content = f'<lotRevocations xmlns="{CONTRACT_NS}"><reference>portail-rev</reference>{one}</lotRevocations>'
    sent = upload(session, world, content)
    assert sent.status_code == 303, text_of(sent)
    page = checked(session, world, sent.headers["Location"])
    assert "Tous les éléments seraient refusés" in text_of(page)
    assert "Révocations" in text_of(page)
    done = post(session, world, sent.headers["Location"], csrf_token=token_of(page), action="deposer")
    text = text_of(get(session, world, done.headers["Location"]))
    assert "1 élément refusé" in text
    assert "ERR_WS_032" in text


BOMB = '<!DOCTYPE lot [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
REFUSED: dict[str, tuple[str | bytes, str, str]] = {
    "empty": (b" ", "ERR_WS_001", ""),
    "cut": (lot("x", [ITEM])[:-3], "ERR_WS_001", "ligne 3"),
    "crossed": ("<lot>\n<a>\n</b></lot>", "ERR_WS_001", "ligne 3"),
    "no XML": ("PK\x03\x04 un fichier zip", "ERR_WS_001", ""),
    "DTD": ("\n\n" + BOMB + lot("x", [ITEM]), "ERR_WS_002", "ligne 3"),
    "external": (f'<?xml version="1.0"?>\n<!DOCTYPE lot SYSTEM "file:///etc/passwd">{lot("x", [ITEM])}', "ERR_WS_002", "ligne 2"),
    "instruction": (f"<?xml-stylesheet href='x'?>{lot('x', [ITEM])}", "ERR_WS_002", ""),
    "latin": (f'<?xml version="1.0" encoding="ISO-8859-1"?>{lot("x", [ITEM])}'.encode("latin-1"), "ERR_WS_003", ""),
    "utf-32": (lot("x", [ITEM]).encode("utf-32-be"), "ERR_WS_003", ""),
    "deep": ("<a>" * 50 + "</a>" * 50, "ERR_WS_005", ""),
    "wide": ("<a>" + "<b/>" * 300_001 + "</a>", "ERR_WS_005", ""),
    "root": ("<html>\n</html>", "ERR_WS_006", "ligne 1"),
    "no namespace": (lot("x", [ITEM], namespace=""), "ERR_WS_006", "ligne 1"),
    "other operation": (envelope(f'<mesDroits xmlns="{CONTRACT_NS}"/>'), "ERR_WS_006", "ligne 1"),
    "two bodies": (envelope(message(lot("x", [ITEM])) * 2), "ERR_WS_006", ""),
    "signed": (envelope(message(lot("x", [ITEM])), header='<w:Security xmlns:w="http://docs.oasis-open.org/wss/x"/>'), "ERR_WS_013", ""),
    "version": ('<e:Envelope xmlns:e="http://www.w3.org/2001/12/soap-envelope"/>', "ERR_WS_014", ""),
    "schema": (lot("x", [ITEM, ITEM.replace("<usage>AUTH_CLI</usage>", "<usage/><usage/>")]), "ERR_WS_008", "ligne 3, demande 2"),
    "unknown": (lot("x", [ITEM.replace("usage", "emploi")]), "ERR_WS_008", "ligne 2, demande 1"),
    "no item": (lot("x", []), "ERR_WS_008", ""),
    "too many": (lot("x", [ITEM] * 10_001), "ERR_WS_011", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_lot_is_refused_as_by_the_web_service_with_its_place(world: PortalWorld, case: str) -> None:
    content, code, place = REFUSED[case]
    answer = upload(world.session("dr-leroux"), world, content)
    assert answer.status_code == 422, answer.text
    text = text_of(answer)
    assert code in text, text
    assert place in text, text
    assert "passwd" not in text


def test_many_faults_are_told_at_once_the_first_twenty_each(world: PortalWorld) -> None:
    content = lot("x", [ITEM.replace("<offre>ORG</offre>", f"<inconnu>{XSS}</inconnu>".replace(XSS, "y"))] * 30)
    answer = upload(world.session("dr-leroux"), world, content)
    assert answer.text.count("<li>ligne ") == 20
    assert "autres fautes" in answer.text


def test_values_of_a_file_are_shown_as_text(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    content = lot(
        "portail-xss", [item(new_csr_text(), reference="x", email=XSS), item(new_csr_text(), XSS, email="a@b.example")]
    )
    sent = upload(session, world, content)
    assert sent.status_code == 303
    assert XSS not in checked(session, world, sent.headers["Location"]).text
    named = upload(session, world, f'<lot xmlns="{CONTRACT_NS}"><reference>&lt;b&gt;{"x" * 70}</reference>{ITEM}</lot>')
    assert "<b>x" not in named.text


def test_a_file_that_is_too_large_is_not_read(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    answer = upload(session, world, b" " * (33 * 1024 * 1024))
    assert answer.status_code == 413
    # Elsewhere nothing larger than a form is taken.
    small = session.post(f"{world.url}/lots/1/annuler", data=b"x" * 300_000, headers={"Origin": world.url})
    assert small.status_code == 413


def test_without_a_file_or_a_token_nothing_is_taken(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    content = lot("portail-jeton", [item(new_csr_text())])
    assert upload(session, world, content, token="").status_code == 422
    assert upload(session, world, content, token="x").status_code == 422
    assert "Choisissez le fichier" in text_of(upload(session, world, b""))
    token = token_of(get(session, world, "/lots/depot"))
    assert post(session, world, "/lots/depot", csrf_token=token, fichier="texte").status_code == 422
    foreign = session.post(
        f"{world.url}/lots/depot",
        data={"csrf_token": token},
        files={"fichier": ("lot.xml", content.encode())},
        headers={"Origin": "https://evil.example"},
    )
    assert foreign.status_code == 403


def test_a_check_is_nobody_elses(world: PortalWorld) -> None:
    sent = upload(world.session("dr-leroux"), world, lot("portail-mien", [item(new_csr_text())]))
    world.enroll("lots-autre")
    other = world.session("lots-autre")
    token = token_of(get(other, world, "/lots/depot"))
    assert get(other, world, sent.headers["Location"]).status_code == 404
    for action in ("deposer", "verifier"):
        assert post(other, world, sent.headers["Location"], csrf_token=token, action=action).status_code == 404
    assert get(other, world, "/lots/depot/rien").status_code == 404


def test_who_has_no_right_is_told_so_and_nothing_is_kept(world: PortalWorld) -> None:
    sender = ALL_SENDERS["inconnu"]
    folder = world.client("dr-leroux").key.parent
    world.acteurs["inconnu"] = world.acteurs.get("inconnu") or add_acteur(world.db, world.plateforme, sender)
    session = world.session(write_pair(folder, "lots-inconnu", world.enroll_client("inconnu", sender.content)))
    answer = upload(session, world, lot("portail-sans-droit", [item(new_csr_text())]))
    assert answer.status_code == 403
    assert "ERR_WS_025" in answer.text


def test_a_file_for_a_third_party_is_for_him_alone(world: PortalWorld) -> None:
    tiers = world.acteurs["dr-leroux"].id_national or ""
    block = f'<pourLeCompteDe xmlns="{CONTRACT_NS}"><numeroNational>{tiers}</numeroNational></pourLeCompteDe>'
    content = envelope(message(lot("portail-tiers", [item(new_csr_text())])), header=block)
    world.enroll("lots-aide")
    helper = world.session("lots-aide")
    answer = upload(helper, world, content)
    assert answer.status_code == 422
    assert "Agir pour un tiers" in text_of(answer)
    with world.db.write() as rows:
        assert appoint(rows, world.acteurs["lots-aide"].id, datetime.now(UTC), Terms(motif="assistance"))
    chosen = select(world, helper, tiers)
    assert chosen.status_code == 303, chosen.text
    sent = upload(helper, world, content)
    assert sent.status_code == 303, text_of(sent)
    page = checked(helper, world, sent.headers["Location"])
    assert world.acteurs["dr-leroux"].libelle in text_of(page)
    done = post(helper, world, sent.headers["Location"], csrf_token=token_of(page), action="deposer")
    index = done.headers["Location"].partition("?")[0]
    assert f'href="{index}"' in get(world.session("dr-leroux"), world, "/lots").text
    assert f"Lots de {world.acteurs['dr-leroux'].libelle}" in text_of(get(helper, world, "/lots"))
    # In his own name he finds neither the lot nor what was under way.
    post(helper, world, "/tiers/fin")
    assert get(helper, world, sent.headers["Location"]).status_code == 404
    assert get(helper, world, index).status_code == 404


def test_only_a_few_are_kept(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    addresses = [
        upload(session, world, lot(f"portail-garde-{n}", [item(new_csr_text())])).headers["Location"]
        for n in range(preparing.MOST + 1)
    ]
    assert get(session, world, addresses[0]).status_code == 404
    assert get(session, world, addresses[-1]).status_code == 200
