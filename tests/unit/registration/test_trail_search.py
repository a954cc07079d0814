"""What a line of the trail says of one demande."""

from __future__ import annotations

import pytest

from registration.exploitation.trail import about_demande


@pytest.mark.parametrize(
    ("contenu", "left"),
    [
        ('{"demande":12}', '{"demande":12}'),
        ('{"demandes":[1,12,123]}', '{"demandes":[12]}'),
        ('{"certificats":[[12,"A","0c","x"],[13,"A","12","y"]]}', '{"certificats":[[12,"A","0c","x"]]}'),
        ('{"demandes":[12],"code":"abc","cgu":["1.0","ff"]}', '{"demandes":[12],"code":"abc","cgu":["1.0","ff"]}'),
        ('{"demandes":[1,123]}', None),
        ('{"certificats":[["A",12,"x"],[null,"A","12"]]}', None),
        ('{"certificats":[[true,"A"]],"demande":true}', None),
        ('{"acteur":12,"structure":"12"}', None),
        ('{"demande":"12"}', None),
        ("[12]", None),
        ("12", None),
        ("no json", None),
        ("", None),
    ],
)
def test_only_what_names_the_demande(contenu: str, left: str | None) -> None:
    assert about_demande(contenu, 12) == left


def test_true_is_no_number_one() -> None:
    assert about_demande('{"demande":true,"demandes":[true],"certificats":[[true]]}', 1) is None
