"""Every code of the catalogue that the web service may give is given by it, to a real message, and no other stands there."""

from __future__ import annotations

import pytest

from registration.errors import TEXTS, Code
from registration.reference.erreurs import ENTRIES
from registration.vocabulary import Canal
from tests.integration.codes.guide_scenarios import GUIDE_SCENARIOS, Scenario
from tests.integration.codes.own_scenarios import OWN_SCENARIOS
from tests.integration.codes.place import Place, codes_of

SCENARIOS = {**GUIDE_SCENARIOS, **OWN_SCENARIOS}
CASES = [pytest.param(code, scenario, id=code.value) for code, several in SCENARIOS.items() for scenario in several]


def test_every_code_of_the_canal_has_its_scenario() -> None:
    assert set(SCENARIOS) == {code for code, entry in ENTRIES.items() if Canal.WS in entry.canaux}


@pytest.mark.parametrize(("code", "scenario"), CASES)
def test_it_is_given(place: Place, code: Code, scenario: Scenario) -> None:
    answer = scenario(place)
    assert code.value in codes_of(answer), answer.decode()
    # Its sender reads the text of the catalogue, up to where that takes data in.
    assert TEXTS[code].partition("{")[0] in answer.decode(), answer.decode()
