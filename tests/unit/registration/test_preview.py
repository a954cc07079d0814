"""Names that nearly are those of the INSi service, which knows exactly two (decision 23)."""

from __future__ import annotations

import pytest

from registration.rules.preview import INSI_NAMES, resembles_insi


@pytest.mark.parametrize("name", INSI_NAMES)
def test_the_two_names_are_right_as_they_are(name: str) -> None:
    assert not resembles_insi(name)


@pytest.mark.parametrize(
    "name",
    [
        "insi-auto", "INSI-Manu", "INSI_AUTO", "INSI AUTO", "INSIAUTO", "INSI\u2013AUTO", "INSI\u2011MANU", "ÍNSI-AUTO",
        "INS1-AUTO", "INSI-AUT0", "INSI-MANUEL", "INSI-AUTOMATIQUE", "INSI-MAN", "INSI-A", "INSI", "INSI-AUTO-2",
        "CHU INSI-MANU", "INS-AUTO", "INSSI-AUTO", "INSI-MANE", "\uff29\uff2e\uff33\uff29-AUTO",
    ],
)  # fmt: skip
def test_what_nearly_is_one_of_them_is_seen(name: str) -> None:
    assert resembles_insi(name)


@pytest.mark.parametrize(
    "name", ["", "INS", "Dossier patient", "INSITU", "INSIGNE", "AUTO", "MANU", "DMP", "insiste", "ONSI-MENU"]
)
def test_other_names_are_left_alone(name: str) -> None:
    assert not resembles_insi(name)
