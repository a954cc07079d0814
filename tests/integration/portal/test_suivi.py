"""Follow-up with the real registration authority: what is found, by whom, in what form."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from commands.trial.fictitious import CLINIQUE, HOPITAL, PHARMACIE
from portal_ihm.shell.labels import datetime_fr
from registration.vocabulary import Canal, Offre, Usage
from storage import tables
from storage.bulk import insert_rows
from tests.integration.portal.world import FORMULA, XSS, PortalWorld, org_form
from tests.support.databases import reserve

MANY = 1_234


SENDER = "dpi-acacias"  # of the lot


def get(world: PortalWorld, path: str, who: str = "dr-leroux") -> str:
    answer = world.session(who).get(world.url + path)
    assert answer.status_code == 200, answer.text
    return answer.text


def numeros(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<a class="numero" href="/suivi/\w+/(\d+)', page)]


def read_csv(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


@pytest.fixture(scope="module")
def crowd(world: PortalWorld) -> str:
    """A pharmacy with many demandes and its administrator."""
    world.enroll("officine", habilitations=((Offre.ORG, PHARMACIE, None),))
    acteur = world.origin("officine", Canal.IHM).acteur
    first = reserve(world.db, "demande", MANY)
    start = datetime.now(UTC) - timedelta(days=400)
    with world.db.write() as session:
        insert_rows(
            session,
            tables.Demande,
            [
                {
                    "id": first + rank,
                    "plateforme": "TEST",
                    "canal": "IHM",
                    "offre": "ORG",
                    "usage": "SIGN",
                    "etat": "ANNULEE",
                    "id_acteur": acteur.id,
                    "id_structure": PHARMACIE,
                    "service_applicatif": f"Poste {rank}",
                    "email_acteur": "officine@pont.example",
                    "cree_le": start + timedelta(minutes=rank),
                    "modifie_le": start + timedelta(minutes=rank),
                }
                for rank in range(MANY)
            ],
        )
    return "officine"


def test_a_lot_is_found_by_its_index_with_its_refusals(world: PortalWorld) -> None:
    # What was refused because its sender has no right on the clinic is not his to read.
    page = get(world, f"/suivi/demandes?index_lot={world.lot}", SENDER)
    assert "6 demandes trouvées" in page
    assert CLINIQUE not in page
    assert "<dt>Index de lot</dt><dd>1</dd>" in page
    assert "ERR_WS_039" in page
    assert "À retirer" in page
    # What was refused never came to concern the hospital: its administrators see the rest of the lot.
    others = get(world, f"/suivi/demandes?index_lot={world.lot}")
    assert "5 demandes trouvées" in others
    assert "ERR_WS_039" not in others


def test_portal_and_web_service_stand_side_by_side(world: PortalWorld) -> None:
    origin = world.origin("dr-leroux", Canal.IHM)
    numero = world.ra.demandes.submit(origin, org_form("Archivage des comptes rendus", usage=Usage.CONF))
    page = get(world, f"/suivi/demandes?offre=TOUTES&structure={HOPITAL}&service_applicatif=Archivage*")
    assert numero in numeros(page)
    assert 'canal-ihm" title="Portail (IHM)">IHM' in page
    assert 'canal-ws" title="Service web, par lot (WS)">WS' in page


def test_each_criterion_narrows_the_search(world: PortalWorld) -> None:
    whole = numeros(get(world, f"/suivi/demandes?index_lot={world.lot}", SENDER))
    assert len(whole) == 6
    for criterion, count in (
        ("usage=SIGN", 1),
        ("etat=REJETEE", 1),
        ("offre=SERV", 2),
        (f"structure={CLINIQUE}", 0),
        ("service_applicatif=Arch*", 1),
        ("service_applicatif=Arch", 0),
        ("adresse_email=secretariat@mss.acacias.example", 1),
        ("fqdn=www.evilacacias.example", 1),
        ("periode=jour", 6),
        ("periode=intervalle&avant_le=2020-01-01", 0),
        (f"numero={whole[0]}", 1),
    ):
        page = get(world, f"/suivi/demandes?index_lot={world.lot}&{criterion}", SENDER)
        assert len(numeros(page)) == count, criterion
        assert ("Aucune demande trouvée" in page) == (count == 0)


@pytest.mark.parametrize("path", ["/suivi/demandes", "/suivi/demandes.csv"])
@pytest.mark.parametrize("query", ["usage=SIGN", "periode=jour", f"structure={HOPITAL}"])
def test_a_search_without_number_index_or_offre_is_too_wide(world: PortalWorld, path: str, query: str) -> None:
    answer = world.session("dr-leroux").get(f"{world.url}{path}?{query}")
    assert answer.status_code == 422
    assert "Précisez un numéro de demande, un index de lot ou une offre. (ERR_IHM_025)" in answer.text
    assert answer.text.count('aria-invalid="true"') == 3


def test_nobody_sees_the_demandes_of_others(world: PortalWorld) -> None:
    stranger = "ide-marchand"
    for query in (f"index_lot={world.lot}", "offre=TOUTES", "numero=1"):
        page = get(world, f"/suivi/demandes?{query}", stranger)
        assert "CENTRE HOSPITALIER" not in page, query
        rows = read_csv(world.session(stranger).get(f"{world.url}/suivi/demandes.csv?{query}").content)
        assert all(row["Identifiant structure"] == CLINIQUE for row in rows)
    for path in ("/suivi/demandes/1", "/suivi/demandes/1/historique", "/renouveler/1"):
        hidden = world.session(stranger).get(world.url + path)
        unknown = world.session(stranger).get(world.url + path.replace("/1", "/987654"))
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        strip = re.compile(r"[0-9a-f]{12}")
        told = unknown.text.replace("/987654", "/1")  # each page names its own address
        assert strip.sub("", hidden.text) == strip.sub("", told), "no oracle"


def test_hostile_texts_stay_texts_on_every_page(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    page = session.get(f"{world.url}/suivi/demandes?index_lot={world.lot}").text
    numero = int(re.findall(r'class="numero" href="/suivi/demandes/(\d+)(?:(?!</tr>).)*&lt;img', page, re.DOTALL)[-1])
    paths = [f"/suivi/demandes/{numero}", f"/suivi/demandes/{numero}/historique", f"/renouveler/{numero}"]
    paths += [f"/suivi?offre=ORG&service_applicatif={XSS}", f'/suivi/demandes?index_lot=1&service_applicatif="{XSS}']
    paths += [
        f'/suivi/demandes/{numero}?service_applicatif="><script>',
        "/suivi?structure=%22%3E%3Cscript%3E",
        "/<script>",
    ]
    for path in paths:
        text = session.get(world.url + path).text
        assert "<img src=x" not in text, path
        assert "<script" not in text, path


def test_the_detail_shows_the_subject_and_every_field(world: PortalWorld) -> None:
    numero = min(numeros(get(world, f"/suivi/demandes?index_lot={world.lot}")))
    page = get(world, f"/suivi/demandes/{numero}?index_lot={world.lot}")
    for label, value in (
        ("Référence de l&#39;émetteur", "labo-1"),
        ("Service applicatif", "Messagerie du laboratoire"),
        ("Identifiant structure", HOPITAL),
        ("Raison sociale", "CENTRE HOSPITALIER DES ACACIAS"),
        ("Demandeur", "DPI DES ACACIAS"),
        ("Position dans le lot", "1"),
    ):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page, label
    subject = re.findall(r'<th scope="row" class="code">(\w+)=</th><td>([^<]+)</td>', page)
    assert subject == [
        ("cn", "Messagerie du laboratoire"),
        ("ou", HOPITAL),
        ("o", "CENTRE HOSPITALIER DES ACACIAS"),
        ("st", "Paris (75)"),
        ("c", "FR"),
    ]
    assert f'href="/suivi/demandes?index_lot={world.lot}"' in page


def test_a_refused_item_without_offre_is_shown_on_every_page(world: PortalWorld) -> None:
    bad = [world.form(key=70, offre=None, usage="?", email_acteur=None), world.form(key=71, usage="", reference="a b")]
    index = world.deposit(*bad, reference="fautif", sender=SENDER).index
    page = get(world, f"/suivi/demandes?index_lot={index}", SENDER)
    found = numeros(page)
    assert (len(found), "ERR_IHM_004" in page, "ERR_IHM_060" in page, "None" in page) == (2, True, True, False)
    assert set(found) <= set(numeros(get(world, f"/suivi/demandes?offre=TOUTES&index_lot={index}", SENDER)))
    for numero in found:
        detail = get(world, f"/suivi/demandes/{numero}?index_lot={index}", SENDER)
        assert "None" not in detail
        assert "<dt>Usage</dt>" not in detail
        get(world, f"/suivi/demandes/{numero}/historique?index_lot={index}", SENDER)
    rows = read_csv(world.session(SENDER).get(f"{world.url}/suivi/demandes.csv?index_lot={index}").content)
    assert [(row["Offre"], row["Usage"], row["Référence"]) for row in rows] == [("ORG", "", ""), ("", "", "")]


def test_the_history_has_a_line_a_step(world: PortalWorld) -> None:
    numero = min(numeros(get(world, f"/suivi/demandes?index_lot={world.lot}")))
    page = get(world, f"/suivi/demandes/{numero}/historique")
    assert re.findall(r"ACT_\w+", page) == ["ACT_DCL_001", "ACT_DCL_005", "ACT_IGC_003", "ACT_IGC_004"]
    assert re.findall(r'title="[^"]+">(\w+)</abbr>', page) == ["WS", "WS", "SYSTEM", "SYSTEM"]
    assert "Administrateur technique" in page
    assert "PFCNG-MG" not in page, "a word of the guide's own plateforme"
    assert page.count("Traitement automatique de la plateforme") == 2
    assert "Demande transmise à l&#39;autorité de certification" in page


def test_every_page_is_reached_and_left_again(world: PortalWorld, crowd: str) -> None:
    session = world.session(crowd)
    path: str | None = f"/suivi/demandes?offre=ORG&structure={PHARMACIE}&taille=100"
    seen: list[int] = []
    back: list[str] = []
    while path is not None:
        page = session.get(world.url + path).text
        seen += numeros(page)
        back.append(path)
        path = link(page, "Page suivante")
    assert len(seen) == len(set(seen)) == MANY
    assert seen == sorted(seen, reverse=True), "newest first"
    assert "Demandes 1\u202f201 à 1\u202f234 sur 1\u202f234 · page 13 sur 13" in page
    while (path := link(page, "Page précédente")) is not None:
        page = session.get(world.url + path).text
        back.pop()
    assert len(back) == 1
    assert numeros(page) == seen[:100]


def link(page: str, text: str) -> str | None:
    found = re.search(rf'href="(\?[^"]+)">{text}<', page)
    return "/suivi/demandes" + found[1].replace("&amp;", "&") if found else None


def test_the_csv_streams_every_result(world: PortalWorld, crowd: str) -> None:
    answer = world.session(crowd).get(f"{world.url}/suivi/demandes.csv?offre=ORG&structure={PHARMACIE}", stream=True)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="demandes-\d{8}-\d{4}\.csv"', answer.headers["content-disposition"])
    assert "content-length" not in answer.headers
    rows = read_csv(answer.content)
    assert len(rows) == MANY
    assert {row["État demande"] for row in rows} == {"Annulée"}


def test_the_csv_has_both_canals_and_no_formula(world: PortalWorld) -> None:
    answer = world.session(SENDER).get(f"{world.url}/suivi/demandes.csv?index_lot={world.lot}")
    rows = read_csv(answer.content)
    assert [row["Canal"] for row in rows] == ["WS"] * 6
    names = [row["Service applicatif"] for row in rows]
    assert f"'{FORMULA}" in names
    assert XSS in names
    assert [row["Code du refus"] for row in rows if row["État demande"] == "Rejetée"] == ["ERR_WS_039"]
    signed = {row["N° demande"]: row["Date d'expiration"] for row in rows if row["Fin de validité"]}
    limits = {row.id: row.limite_retrait for row in world.demandes(world.lot) if row.limite_retrait}
    assert signed == {str(numero): datetime_fr(limit) for numero, limit in limits.items()} != {}


def test_who_lost_the_right_reads_nothing_of_what_he_placed(world: PortalWorld) -> None:
    world.enroll("ancien", habilitations=((Offre.ORG, HOPITAL, None),))
    numero = world.ra.demandes.submit(world.origin("ancien", Canal.IHM), org_form("Placée avant de partir"))
    paths = [f"/suivi/demandes/{numero}", f"/suivi/demandes/{numero}/historique", f"/renouveler/{numero}"]
    for path in paths:
        assert "Placée avant de partir" in get(world, path, "ancien") or path.endswith("historique")
    search = f"/suivi/demandes?numero={numero}"
    assert numeros(get(world, search, "ancien")) == [numero]
    world.withdraw_rights("ancien")
    for path in paths:
        answer = world.session("ancien").get(world.url + path)
        assert answer.status_code == 403
        assert "Vous n'avez pas accès à cette page" in answer.text.replace("&#39;", "'")
        assert "ERR_IHM_026" in answer.text
        assert "Placée avant de partir" not in answer.text
    assert "Aucune demande trouvée" in get(world, search, "ancien")
    answer = world.session("ancien").get(f"{world.url}/suivi/demandes.csv?numero={numero}")
    assert read_csv(answer.content) == []
    # To a stranger it does not exist, and the page is another one.
    assert world.session("ide-marchand").get(world.url + paths[0]).status_code == 404
