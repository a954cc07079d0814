"""Tables that fit their terminal: no line is wider, nothing is cut, and what had to go is said."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from clients.cli.display import Display
from clients.cli.queries import DEMANDE_COLUMNS, LEAST_USEFUL

COLUMNS = [label for label, _ in DEMANDE_COLUMNS] + ["erreur"]


def row(numero: int, **changes: object) -> list[object]:
    values: dict[str, object] = {
        "numéro": numero,
        "canal": "WS",
        "lot": 1234,
        "position": 10000,
        "référence": f"item-{numero:05d}",
        "offre": "SERV",
        "usage": "SSL_SERV",
        "état": "NON_TRAITEE",
        "produit": "A_RETIRER",
        "structure": "1750140014",
        "numéro de série": "67bb2ac29c3f06f2b4309a41771edd07",
        "fin de validité": "2029-11-30 07:12:45 UTC",
        "renouvelle": 123455,
        "renouvelé par": 123457,
        "erreur": "ERR_IHM_062_2",
    }
    return [(values | changes)[column] for column in COLUMNS]


def shown(width: int, rows: list[list[object]], least_useful: tuple[str, ...] = LEAST_USEFUL) -> tuple[str, str]:
    display = Display()
    out, err = io.StringIO(), io.StringIO()
    display._out = Console(
        file=out, width=width, force_terminal=True, color_system=None, highlight=False, soft_wrap=True
    )
    display._err = Console(
        file=err, width=width, force_terminal=True, color_system=None, highlight=False, soft_wrap=True
    )
    display.table(COLUMNS, rows, least_useful=least_useful)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 100, 120, 200])
@pytest.mark.parametrize("reference", ["a", "x" * 64])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int, reference: str) -> None:
    out, err = shown(width, [row(1, référence=reference), row(123456)], ("lot", *LEAST_USEFUL))
    assert all(cell_len(line) <= width for line in out.splitlines() + err.splitlines())
    assert "…" not in out
    letters = "".join(sign for sign in out if sign not in " \n─")
    assert letters.count("x") == (64 if reference.startswith("x") else 0)
    if width >= 79:
        assert "ERR_IHM_062_2" in out
        assert "NON_TRAITEE" in out


def test_eighty_columns_show_what_matters_and_say_what_is_missing() -> None:
    out, err = shown(80, [row(1, référence="poste-urgences-1"), row(2)], (*LEAST_USEFUL, "position"))
    assert out.splitlines()[0].split() == ["numéro", "lot", "référence", "offre", "usage", "état", "erreur"]
    assert "faute de place" in err
    assert "numéro de série" in " ".join(err.split())


def test_a_wide_terminal_shows_everything_and_says_nothing() -> None:
    out, err = shown(200, [row(1)])
    assert out.splitlines()[0].split("  ")[0] == "numéro"
    assert "67bb2ac29c3f06f2b4309a41771edd07" in out
    assert err == ""


def test_columns_without_any_value_are_left_out() -> None:
    out, _ = shown(200, [row(1, erreur=None, référence=None)])
    assert "erreur" not in out
    assert "référence" not in out


def test_no_row_still_gives_the_titles() -> None:
    out, _ = shown(200, [])
    assert "numéro" in out
