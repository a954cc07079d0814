"""Domain patterns of the explicit habilitations (guide §7): every form, against every kind of name."""

from __future__ import annotations

import pytest

from registration.rules.domains import covers_mail_domain, covers_server_name, normalize_pattern

D = "hopital.fr"
SUB = "sante.hopital.fr"
DEEP = "a.b.hopital.fr"
EVIL = "evilhopital.fr"
EVIL_SUB = "x.evilhopital.fr"
PARENT = "fr"
SUFFIXED = "hopital.fr.evil.example"
NAMES = (D, SUB, DEEP, EVIL, EVIL_SUB, PARENT, SUFFIXED)

# pattern: what it covers of NAMES, by kind of request
FORMS: dict[str, dict[str, set[str]]] = {
    "*@hopital.fr": {"pro": {D}, "serv": {D}, "server": set()},
    "*hopital.fr": {"pro": {D, SUB, DEEP}, "serv": {D, SUB, DEEP}, "server": {D, SUB, DEEP}},
    "*.hopital.fr": {"pro": {SUB, DEEP}, "serv": {SUB, DEEP}, "server": {SUB, DEEP}},
    "hopital.fr": {"pro": set(), "serv": {D}, "server": {D}},
    "www.hopital.fr": {"pro": set(), "serv": set(), "server": set()},
}


@pytest.mark.parametrize("pattern", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_each_form_covers_what_the_guide_says(pattern: str, name: str) -> None:
    expected = FORMS[pattern]
    assert covers_mail_domain([pattern], name, bare_is_exact=False) == (name in expected["pro"])
    assert covers_mail_domain([pattern], name, bare_is_exact=True) == (name in expected["serv"])
    assert covers_server_name([pattern], name) == (name in expected["server"])


@pytest.mark.parametrize("pattern", ["*", "*.", "*@", "", ".", "*..", "*.hopital.fr."])
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_pattern_covers_nothing(pattern: str, name: str) -> None:
    assert normalize_pattern(pattern) is None
    assert not covers_mail_domain([pattern], name, bare_is_exact=False)


def test_one_of_several_patterns_is_enough() -> None:
    patterns = ["*@clinique.example", "*hopital.fr"]
    assert covers_mail_domain(patterns, SUB, bare_is_exact=False)
    assert not covers_mail_domain(patterns, "x.clinique.example", bare_is_exact=False)
    assert not covers_mail_domain([], D, bare_is_exact=True)


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("*Hopital.FR", "*hopital.fr"),
        ("*@HOPITAL.fr", "*@hopital.fr"),
        ("*.Sante.Hopital.Fr", "*.sante.hopital.fr"),
        ("WWW.hopital.fr", "www.hopital.fr"),
        ("*hôpital.fr", "*xn--hpital-ixa.fr"),
        ("*@Hôpital.fr", "*@xn--hpital-ixa.fr"),
        ("www.hôpital.fr", "www.xn--hpital-ixa.fr"),
        ("*xn--hpital-ixa.fr", "*xn--hpital-ixa.fr"),
    ],
)
def test_patterns_are_read_without_case_and_as_a_labels(written: str, normalized: str) -> None:
    assert normalize_pattern(written) == normalized


@pytest.mark.parametrize(
    "pattern", ["*fr", "fr", "*@fr", "*.fr", "**hopital.fr", "*hopi tal.fr", "@hopital.fr", "w*.hopital.fr"]
)
def test_what_is_no_pattern_of_the_guide_is_refused(pattern: str) -> None:
    # "*fr" would give every name of a whole country away: a domain has at least two labels.
    assert normalize_pattern(pattern) is None
