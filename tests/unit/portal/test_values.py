"""Days, criteria, pages and cells: what needs neither browser nor database."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from portal_ihm.shell import labels
from portal_ihm.shell.context import parse_numero
from portal_ihm.shell.paging import make_paging, read_place
from portal_ihm.shell.searching.periods import Periode, days_of, midnight
from portal_ihm.shell.searching.words import query_of, summary_of
from portal_ihm.suivi.criteria import of_demandes as criteria_of
from portal_ihm.suivi.forms import DemandesForm
from registration.errors import DETAIL_WITHHELD, TEXTS, Code, IgcError
from registration.exports import BOM, DEMANDES, demandes_csv
from registration.views import DemandePage, DemandeView, Refusal
from registration.vocabulary import Canal, CodeAction, EtatDemande, EtatProduit, Offre, Usage

# A Monday; in Paris it is already past midnight of the 26th, the day after the clocks went back.
NIGHT = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)


def form(query: str) -> DemandesForm:
    return DemandesForm(QueryParams(query))


@pytest.mark.parametrize(
    ("periode", "first"),
    [(Periode.JOUR, date(2026, 10, 26)), (Periode.SEMAINE, date(2026, 10, 26)), (Periode.MOIS, date(2026, 10, 1))],
)
def test_today_is_that_of_paris(periode: Periode, first: date) -> None:
    assert days_of(periode, NIGHT, None, None) == (first, date(2026, 10, 26))


def test_a_week_begins_on_monday() -> None:
    sunday = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert days_of(Periode.SEMAINE, sunday, None, None) == (date(2026, 11, 16), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("periode", "now", "days"),
    [
        (Periode.JOUR, NIGHT, (date(2026, 10, 26), date(2026, 10, 26))),
        (Periode.SEMAINE, NIGHT, (date(2026, 10, 26), date(2026, 11, 1))),
        (Periode.MOIS, NIGHT, (date(2026, 10, 1), date(2026, 10, 31))),
        (Periode.MOIS, datetime(2028, 2, 29, 12, tzinfo=UTC), (date(2028, 2, 1), date(2028, 2, 29))),
        (Periode.MOIS, datetime(2026, 12, 31, 22, tzinfo=UTC), (date(2026, 12, 1), date(2026, 12, 31))),
        (Periode.MOIS, datetime(2026, 12, 31, 23, tzinfo=UTC), (date(2027, 1, 1), date(2027, 1, 31))),
    ],
)
def test_what_lies_ahead_is_looked_for_to_the_end_of_week_and_month(
    periode: Periode, now: datetime, days: tuple[date, date]
) -> None:
    assert days_of(periode, now, None, None, ahead=True) == days


def test_the_day_of_the_clock_change_has_25_hours() -> None:
    assert midnight(date(2026, 10, 26)) - midnight(date(2026, 10, 25)) == timedelta(hours=25)


def test_a_full_form_becomes_criteria_words_and_the_same_query() -> None:
    query = (
        "numero=589&index_lot=12&offre=SERV&usage=SIGN&etat=REJETEE&etat_produit=EXPIRE&periode=intervalle"
        "&apres_le=2026-11-01&avant_le=2026-11-23&structure=10b0039137&service_applicatif=Labo%2A&adresse_email=a%40b.example&fqdn=x.example"
    )
    filled = form(query)
    assert filled.validate(), filled.errors
    criteria = criteria_of(filled, NIGHT)
    assert (criteria.numero, criteria.index_lot) == (589, 12)
    assert (criteria.offre, criteria.usage, criteria.etat) == (Offre.SERV, Usage.SIGN, EtatDemande.REJETEE)
    assert criteria.structure == "10B0039137"
    assert (criteria.service_applicatif, criteria.adresse_email, criteria.fqdn) == ("Labo*", "a@b.example", "x.example")
    assert criteria.since == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert criteria.until == datetime(2026, 11, 23, 23, tzinfo=UTC), "the last day is included"
    assert dict(summary_of(filled, NIGHT))["Date de la demande"] == "du 01/11/2026 au 23/11/2026"
    assert dict(summary_of(filled, NIGHT))["État de la demande"] == "Rejetée"
    again = form(query_of(filled))
    assert again.validate()
    assert criteria_of(again, NIGHT) == criteria


def test_nothing_asked_is_nothing_in_criteria_summary_and_query() -> None:
    empty = form("numero=&index_lot=&offre=&usage=&etat=&periode=&apres_le=&avant_le=&structure=&fqdn=")
    assert empty.validate(), empty.errors
    criteria = criteria_of(empty, NIGHT)
    assert criteria.offre is None
    assert criteria.all_offres, "the latest of all"
    assert summary_of(empty, NIGHT) == []
    assert query_of(empty) == ""


def test_all_offres_is_not_an_offre() -> None:
    criteria = criteria_of(form("offre=TOUTES"), NIGHT)
    assert (criteria.all_offres, criteria.offre) == (True, None)


def test_a_date_alone_means_the_interval() -> None:
    filled = form("offre=TOUTES&apres_le=23/11/2026")
    assert filled.validate(), filled.errors
    criteria = criteria_of(filled, NIGHT)
    assert (criteria.since, criteria.until) == (datetime(2026, 11, 22, 23, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("offre=ORG&fqdn=x.example", "fqdn"),
        ("offre=ORG&adresse_email=a%40b.example", "adresse_email"),
        ("offre=PRO&service_applicatif=Labo", "service_applicatif"),
        ("offre=PS&structure=10B0039137", "structure"),
        ("offre=PS&raison_sociale=HOP*", "raison_sociale"),
        ("offre=SERV&beneficiaire_nom=LEROUX", "beneficiaire_nom"),
        ("offre=ORG&usage=SSL_SERV", "usage"),
    ],
)
def test_what_an_offre_does_not_have_is_said_at_its_field(query: str, field: str) -> None:
    refused = form(query)
    assert not refused.validate()
    assert list(refused.errors) == [field]
    assert form(re.sub("offre=[A-Z]+", "offre=TOUTES", query)).validate()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("numero=abc", "numero"),
        ("numero=0", "numero"),
        ("numero=-3", "numero"),
        ("numero=9223372036854775808", "numero"),
        ("numero=" + "9" * 5000, "numero"),
        ("numero=%C2%B2", "numero"),
        ("index_lot=1.5", "index_lot"),
        ("offre=XXX", "offre"),
        ("usage=XXX", "usage"),
        ("etat=PREPARE", "etat"),
        ("periode=demain", "periode"),
        ("periode=intervalle", "periode"),
        ("periode=intervalle&apres_le=&avant_le=", "periode"),
        ("periode=intervalle&apres_le=2026-11-23&avant_le=2026-11-22", "periode"),
        ("apres_le=2026-02-30", "apres_le"),
        ("avant_le=9999-12-31", "avant_le"),
        ("apres_le=0001-01-01", "apres_le"),
        ("structure=%27+OR+1%3D1", "structure"),
        ("structure=10B0039137%0A", "structure"),
        ("service_applicatif=" + "x" * 66, "service_applicatif"),
        ("service_applicatif=a%00b", "service_applicatif"),
        ("adresse_email=a%00b", "adresse_email"),
        ("fqdn=a%00b", "fqdn"),
    ],
)
def test_a_bad_criterion_is_refused_at_its_field(query: str, field: str) -> None:
    filled = form(query)
    if query == "structure=10B0039137%0A":
        # The line end of a pasted text is a blank like any other.
        assert filled.validate()
        assert filled.structure.data == "10B0039137"
        return
    assert not filled.validate()
    assert list(filled.errors) == [field]


def test_digits_may_be_grouped() -> None:
    filled = form("numero=10+000")
    assert filled.validate()
    assert filled.numero.data == 10_000


@given(st.text())
def test_no_text_breaks_the_reading_of_a_number(text: str) -> None:
    numero = parse_numero(text)
    assert numero is None or (1 <= numero < 2**63 and int(text) == numero)


@given(st.text(), st.text())
def test_no_query_breaks_the_reading_of_a_place(size: str, trail: str) -> None:
    place = read_place({"taille": size, "apres": trail})
    assert place.size in {20, 50, 100}
    assert all(1 <= cursor < 2**63 for cursor in place.trail)


def test_pages_lead_forwards_and_back() -> None:
    first = make_paging(read_place({}), 20, 45, 80)
    assert (first.first, first.last, first.number, first.pages) == (1, 20, 1, 3)
    assert (first.previous, first.following) == (None, "taille=20&apres=80")
    place = read_place({"taille": "20", "apres": "80,60"})
    assert place.after == 60
    last = make_paging(place, 5, 45, None)
    assert (last.first, last.last, last.number, last.pages) == (41, 45, 3, 3)
    assert (last.start, last.previous, last.following) == ("taille=20", "taille=20&apres=80", None)


def test_a_trail_that_no_link_made_is_the_first_page() -> None:
    for trail in ("x", "1,,2", "0", "-1", ",".join(["9"] * 501)):
        assert read_place({"apres": trail}).trail == ()
    full = read_place({"apres": ",".join(["9"] * 500)})
    assert len(full.trail) == 500
    assert make_paging(full, 20, 100_000, 8).following is None


def view(**changes: Any) -> DemandeView:
    values: dict[str, Any] = {
        "numero": 7,
        "canal": Canal.WS,
        "offre": Offre.ORG,
        "usage": Usage.SIGN,
        "etat": EtatDemande.REJETEE,
        "index_lot": 3,
        "position": 1,
        "reference": None,
        "etat_produit": None,
        "structure": "10B0990011",
        "raison_sociale": "CENTRE HOSPITALIER",
        "beneficiaire": None,
        "beneficiaire_libelle": None,
        "demandeur": "LEROUX CAMILLE",
        "service_applicatif": "Labo",
        "adresse_email": None,
        "fqdns": (),
        "cree_le": NIGHT,
        "modifie_le": NIGHT,
        "serial": None,
        "not_after": None,
        "refusal": Refusal(code="ERR_IHM_026", texte="Pas d'habilitation ; « non »."),
    }
    return DemandeView(**(values | changes))


def rows(*views: DemandeView) -> list[dict[str, str]]:
    pages = [DemandePage(demandes=(one,), next_after=one.numero) for one in views[:-1]]
    pages.append(DemandePage(demandes=views[-1:], next_after=None))
    content = b"".join(
        demandes_csv(pages[0], lambda after: pages[[page.next_after for page in pages].index(after) + 1])
    )
    text = content.decode("utf-8")
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline=""), delimiter=";"))


def test_the_csv_has_every_page_and_reads_back() -> None:
    found = rows(view(numero=9), view(numero=8, service_applicatif='a;"b"\nc'), view(numero=7))
    assert [row["N° demande"] for row in found] == ["9", "8", "7"]
    assert found[1]["Service applicatif"] == 'a;"b"\nc'
    assert found[0]["Date de création"] == "26/10/2026 00:30"
    assert found[0]["État demande"] == "Rejetée"
    assert (found[0]["Code du refus"], found[0]["Motif du refus"]) == ("ERR_IHM_026", "Pas d'habilitation ; « non ».")


def test_a_row_without_details_is_a_row_of_blanks() -> None:
    whole = view()
    outline = {name: getattr(whole, name) for name in ("numero", "canal", "offre", "usage", "etat", "index_lot")}
    outline |= {
        name: getattr(whole, name) for name in ("position", "reference", "etat_produit", "cree_le", "modifie_le")
    }
    (found,) = rows(DemandeView(**outline, refusal=Refusal(code="ERR_WS_039", texte=DETAIL_WITHHELD)))
    assert (found["N° demande"], found["Motif du refus"]) == ("7", DETAIL_WITHHELD)
    assert [found[name] for name in ("Structure", "Demandeur", "FQDN", "Numéro de série", "Bénéficiaire")] == [""] * 5


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+33",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "＝1",
        "＠x",
        "\ufeff=1",
        "\v=1",
        "\x00-1",
        "=cmd|' /C calc'!A0",
        " \t=1",
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert rows(view(service_applicatif=text))[0]["Service applicatif"] == "'" + text


@pytest.mark.parametrize("text", ["899700027131", "075", "12e34", "1E0039137", "12345678901234567890123456789012"])
def test_no_identifier_becomes_another_number(text: str) -> None:
    found = rows(view(beneficiaire=text, serial=text))[0]
    assert (found["Identifiant bénéficiaire"], found["Numéro de série"]) == (f"'{text}", f"'{text}")


@pytest.mark.parametrize("text", ["10B0039137", "1750140014", "0b3e", "7"])
def test_an_identifier_that_is_read_as_it_is_stays_so(text: str) -> None:
    assert rows(view(structure=text))[0]["Identifiant structure"] == text


@given(st.text(max_size=20))
def test_whatever_the_text_no_cell_begins_like_a_formula(text: str) -> None:
    page = DemandePage(demandes=(view(service_applicatif=text),), next_after=None)
    content = b"".join(demandes_csv(page, lambda _after: page)).decode("utf-8")
    header, row = list(csv.reader(io.StringIO(content, newline=""), delimiter=";"))
    cell = row[[name for name, _ in DEMANDES].index("Service applicatif")]
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert cell.removeprefix("'") == text or cell == text
    assert len(header) == len(row)


def test_a_hundred_thousand_rows_are_never_whole_in_memory() -> None:
    page = DemandePage(demandes=(view(beneficiaire="899700027131"),) * 500, next_after=1)
    last = DemandePage(demandes=page.demandes, next_after=None)
    asked = iter([*[page] * 198, last])
    chunks, rows, largest = demandes_csv(page, lambda _after: next(asked)), 0, 0
    for chunk in chunks:
        rows += chunk.count(b"\r\n")
        largest = max(largest, len(chunk))
    assert rows == 100_001
    assert largest < 512 * 1024, "a page at a time"


@pytest.mark.parametrize("value", [*EtatDemande, *EtatProduit])
def test_every_etat_has_a_label_and_a_tone(value: EtatDemande | EtatProduit) -> None:
    assert labels.label(value) != value.value
    assert labels.tone(value)


def test_every_word_of_the_vocabulary_has_its_text() -> None:
    assert {labels.offre_text(value) for value in Offre} == set(labels.OFFRE_TEXTS.values())
    assert {labels.usage_text(value) for value in Usage} == set(labels.USAGE_TEXTS.values())
    assert all(labels.canal_text(value) for value in Canal)
    assert all(labels.action_text(value.value) for value in CodeAction)
    assert labels.action_text("ACT_XYZ_999") == ""


def test_a_refusal_names_the_field_as_the_portal_does() -> None:
    error = IgcError(Code.FIELD_INVALID, champ="serviceApplicatif", raison="trop long.")
    assert labels.refusal_text(error) == TEXTS[Code.FIELD_INVALID].format(
        champ="Service applicatif", raison="trop long."
    )
    assert labels.refusal_text(IgcError(Code.CSR_REFUSED, champ="csr", raison="x.")) == (
        TEXTS[Code.CSR_REFUSED].format(raison="x.")
    )


@pytest.mark.parametrize("code", [code for code in Code if re.match("ERR_WS_03|ERR_WS_04", code.value)])
def test_a_person_reads_codes_of_the_guide(code: Code) -> None:
    """Decision 27; what is no refusal of a demande never comes this way."""
    error = IgcError(code, champ="upn", raison="r.", valeur="v", etat="E", index=1, debut="d", fin="f")
    read = labels.in_words_of_the_guide(error)
    of_a_demande = "ERR_WS_036" <= code.value <= "ERR_WS_045" and code is not Code.CRITERIA_INVALID
    assert read.code is (Code.VALIDATION_FAILED if of_a_demande else code)
    assert read.champ == "upn"
    assert labels.refusal_text(error) in read.text
