"""What a demande de révocation may say: motif, text, day, role, names of the certificate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pki.status.reasons import REASONS
from registration.errors import AccessError, Code, IgcError
from registration.rules.asked_revocation import (
    RAISONS,
    Wish,
    check_validity,
    choose_role,
    first_instant,
    hint,
    judge_form,
    read_serial,
)
from registration.values import RevocationForm
from registration.vocabulary import Motif, Role

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {"numero": 1, "motif": "FIN_ACTIVITE", "email": "a@acacias.example", "confirmation": True}


def judge(now: datetime = NOON, **changes: Any) -> Wish | tuple[IgcError, ...]:
    return judge_form(RevocationForm(**(GOOD | changes)), now)


def faults(now: datetime = NOON, **changes: Any) -> list[tuple[str, str | None]]:
    judged = judge(now, **changes)
    assert not isinstance(judged, Wish)
    return [(fault.code.value, fault.champ) for fault in judged]


def wish(now: datetime = NOON, **changes: Any) -> Wish:
    judged = judge(now, **changes)
    assert isinstance(judged, Wish), judged
    return judged


def test_a_good_form() -> None:
    assert wish() == Wish(1, None, None, Motif.FIN_ACTIVITE, None, None, None, "a@acacias.example")
    assert wish(en_tant_que="PORTEUR").role is Role.PORTEUR_CL


def test_every_motif_has_a_reason_of_the_crl() -> None:
    assert set(RAISONS) == set(Motif)
    assert set(RAISONS.values()) <= set(REASONS)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"confirmation": False}, ("ERR_WS_060", "confirmation")),
        ({"motif": None}, ("ERR_WS_037", "motif")),
        ({"motif": "vol"}, ("ERR_WS_037", "motif")),
        ({"motif": "AUTRE"}, ("ERR_WS_037", "autreMotif")),
        ({"motif": "AUTRE", "autre_motif": "  "}, ("ERR_WS_037", "autreMotif")),
        ({"motif": "AUTRE", "autre_motif": "a" * 256}, ("ERR_WS_037", "autreMotif")),
        ({"motif": "AUTRE", "autre_motif": "a\u200bb"}, ("ERR_WS_037", "autreMotif")),
        ({"motif": "AUTRE", "autre_motif": "a\nb"}, ("ERR_WS_037", "autreMotif")),
        ({"autre_motif": "x"}, ("ERR_WS_036", "autreMotif")),
        ({"email": None}, ("ERR_IHM_057", "emailActeur")),
        ({"email": "a@b\r\nBcc: c@d.example"}, ("ERR_IHM_057", "emailActeur")),
        ({"en_tant_que": "DEMANDEUR"}, ("ERR_WS_037", "enTantQue")),
        ({"numero": None}, ("ERR_WS_037", "numeroProduit")),
        ({"autorite": "A", "serie": "1"}, ("ERR_WS_037", "numeroProduit")),
        ({"numero": None, "serie": "1"}, ("ERR_WS_037", "autorite")),
        ({"numero": None, "autorite": "A", "serie": "xyz"}, ("ERR_WS_037", "numeroSerie")),
        ({"date_effet": "2026-11-23"}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": "2026-02-30"}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": "24/11/2026"}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": "9999-12-31"}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": ""}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": "2026-11-24", "motif": "VOL"}, ("ERR_WS_037", "dateEffet")),
        ({"date_effet": "2026-11-24", "motif": "PERTE"}, ("ERR_WS_037", "dateEffet")),
        ({"reference": "a b"}, ("ERR_WS_037", "reference")),
    ],
)
def test_one_fault_is_told_with_its_field(changes: dict[str, Any], found: tuple[str, str]) -> None:
    assert faults(**changes) == [found]


def test_all_faults_are_told_at_once() -> None:
    found = faults(motif="AUTRE", email="x", confirmation=False, date_effet="hier")
    assert [champ for _, champ in found] == ["autreMotif", "dateEffet", "emailActeur", "confirmation"]


def test_the_text_is_kept_as_it_reads() -> None:
    assert wish(motif="AUTRE", autre_motif=" de\u0301part ").autre_motif == "d\xe9part"
    assert wish(motif="AUTRE", autre_motif="a" * 255).autre_motif == "a" * 255


# --- days ---


def test_tomorrow_is_that_of_paris() -> None:
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # already the 24th in Paris
    assert faults(late, date_effet="2026-11-24") == [("ERR_WS_037", "dateEffet")]
    assert wish(late, date_effet="2026-11-25").effet_le == datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("chosen", "instant"),
    [
        (date(2027, 3, 28), datetime(2027, 3, 27, 23, 0, tzinfo=UTC)),  # summer time begins at 2 on this day
        (date(2027, 3, 29), datetime(2027, 3, 28, 22, 0, tzinfo=UTC)),
        (date(2027, 10, 31), datetime(2027, 10, 30, 22, 0, tzinfo=UTC)),  # and ends at 3 on this one
        (date(2027, 11, 1), datetime(2027, 10, 31, 23, 0, tzinfo=UTC)),
        (date(2028, 2, 29), datetime(2028, 2, 28, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_in_paris(chosen: date, instant: datetime) -> None:
    assert first_instant(chosen) == instant


def test_the_last_day_of_validity_is_the_last_one() -> None:
    begins = first_instant(date(2027, 5, 12))
    check_validity(begins, begins + timedelta(microseconds=1))
    for not_after in (begins, begins - timedelta(seconds=1)):
        with pytest.raises(IgcError) as caught:
            check_validity(begins, not_after)
        assert (caught.value.code, caught.value.champ) == (Code.FIELD_INVALID, "dateEffet")
        assert "11/05/2027" in caught.value.text


# --- serials and roles ---


@pytest.mark.parametrize(
    "text",
    ["0a1b", "A1B", "0x0A1B", "0A:1B", " 0a 1b ", "00:00:0a:1b", "0X0a1b"],
)
def test_a_serial_is_read_as_any_viewer_shows_it(text: str) -> None:
    assert read_serial(text) == f"{0x0A1B:032x}"


@pytest.mark.parametrize("text", ["", "0x", "g", "1" * 65, "１２", "-1", "1e\u200b2"])
def test_what_is_no_serial(text: str) -> None:
    assert read_serial(text) is None


def test_forty_digits_are_those_of_a_key() -> None:
    assert "40" in hint(read_serial("ab" * 20))
    assert hint(read_serial("ab" * 16)) == ""


def test_who_has_two_roles_chooses() -> None:
    both = {Role.PORTEUR_CL: 1, Role.ADMINISTRATEUR_TECHNIQUE: 2}
    assert choose_role(Role.ADMINISTRATEUR_TECHNIQUE, both) is Role.ADMINISTRATEUR_TECHNIQUE
    assert choose_role(None, {Role.PORTEUR_CL: 1}) is Role.PORTEUR_CL
    with pytest.raises(IgcError) as caught:
        choose_role(None, both)
    assert caught.value.champ == "enTantQue"
    for held in ({}, {Role.ADMINISTRATEUR_TECHNIQUE: 2}):
        with pytest.raises(AccessError):
            choose_role(Role.PORTEUR_CL, held)
