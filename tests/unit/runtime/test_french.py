"""``igc`` speaks one language: help, errors of the command line, and every text of every verb."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperCommand

from commands.french import in_french
from tests.support.verbs import all_verbs, igc

VERBS = (
    (), ("demo",), ("serve",), ("init-test",), ("ceremony",), ("check-config",), ("lint-sample",), ("audit",), ("ws",),
    ("portal",), ("worker",), ("relay",), ("publication",), ("revoke",), ("revoke", "file"), ("revoke", "key"),
    ("publish-crl",), ("check-publication",), ("migrate",), ("restore",),
)  # fmt: skip
ENGLISH = re.compile(
    r"Usage:|Show this|\bCommands\b|\bdefault\b|required|\bError\b|Invalid|Missing|No such|Try |\bthe\b|\bshould\b|"
    r"\bexpected\b|<(bool|str|int|file|path|dir)\b|\bARGS\b|\b(value|is|not|does|must|be|found|unable|input|of|with)\b"
)
ODD_VALUES = (
    "", " ", "x", "0", "-1", "9" * 30, "1.5", "1e3", "nan", "inf", "0x10", "1_000", "\u0661", "\udcff", "true", "[0]", "--",
    "/nulle/part", "/", "/dev/null", "/root/x", "2027-13-45", "2027-01-31", "2027-01-31T08:00:00Z",
)  # fmt: skip


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_help_is_french(words: tuple[str, ...]) -> None:
    done = igc(*words, "--help")
    assert done.exit_code == 0
    assert "Usage : igc" in done.output
    assert ENGLISH.search(done.output) is None, ENGLISH.search(done.output)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("foo",), "commande inconnue : 'foo'"),
        (("demo", "--lot", "0"), "--lot : de 1 à 10000"),
        (("demo", "--lot", "x"), "--lot : nombre entier attendu"),
        (("demo", "--lot"), "l'option '--lot' demande une valeur"),
        (("demo", "--lot", "\udcff"), "--lot : texte en UTF-8 attendu"),
        (("revoke", "foo"), "commande inconnue : 'foo'"),
        (("audit", "--foo"), "option inconnue : --foo"),
        (("audit", "--samp", "1"), "option inconnue : --samp (peut-être --sample)"),
        (("audit", "--sample"), "l'option '--sample' demande une valeur"),
        (("audit", "--no-ocsp=1"), "l'option '--no-ocsp' ne prend pas de valeur"),
        (("audit", "trop"), "arguments en trop : trop"),
        (("audit", "--sample", "a"), "--sample : nombre entier attendu"),
        (("audit", "--sample", "-1"), "--sample : la valeur minimale est 0"),
        (("audit", "--processes", "9999"), "--processes : la valeur maximale est 256"),
        (("audit", "--since", "hier"), "--since : date attendue"),
        (("audit", "--config", "/nulle/part"), "--config / -c : '/nulle/part' n'existe pas"),
        (("audit", "--json", "/"), "--json : '/' est un dossier"),
        (("ceremony",), "il manque ETAPE : run, tls, root, answer, crl"),
        (("ceremony", "run"), "il manque FICHIER"),
        (("ceremony", "foo", "/"), "ETAPE : 'foo' : valeurs possibles 'run', 'tls', 'root', 'answer', 'crl'"),
        (("ceremony", "run", "/nulle/part"), "FICHIER : '/nulle/part' n'existe pas"),
        (("revoke", "file", "x", "--rate", "a"), "--rate : un nombre de certificats par seconde est attendu"),
    ],
)
def test_errors_are_french(words: tuple[str, ...], told: str) -> None:
    done = igc(*words)
    assert done.exit_code == 2
    assert f"Erreur : {told}" in done.output
    assert ENGLISH.search(done.output) is None, ENGLISH.search(done.output)


def odd_lines(verb: TyperCommand) -> Iterator[list[str]]:
    """The command line of a verb with an odd value in the place of each option and argument, and without any."""
    yield []
    yield ["--nulle-part"]
    for parameter in verb.params:
        name = parameter.opts[0]
        for value in ODD_VALUES:
            if parameter.param_type_name == "argument":
                yield ["--", value]
            else:
                yield [f"{name}={value}"] if getattr(parameter, "is_flag", False) else [name, value]
        yield [name]


@pytest.mark.parametrize("words", all_verbs(), ids=" ".join)
def test_no_value_of_any_option_is_answered_in_english(words: tuple[str, ...]) -> None:
    """Only what reads the line runs here, not the verb."""
    verb = all_verbs()[words]
    told = set()
    for line in odd_lines(verb):
        try:
            verb.make_context("igc", list(line))
        except typer.TyperException as error:
            told.add(in_french(error))
        except typer.Exit:
            continue
    assert told
    # A value that was typed may be in any language.
    english = [text for text in told if ENGLISH.search(re.sub(r"'[^']*'|\(peut-être.*", "", text))]
    assert english == []


def test_without_a_verb_the_list_is_shown() -> None:
    done = igc()
    assert done.exit_code == 2
    assert "check-publication" in done.output
    assert "Erreur" not in done.output
