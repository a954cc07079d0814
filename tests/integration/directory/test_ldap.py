"""The directory in an LDAP server, a real one: what it is asked, what it may answer, and what happens when it does not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.directory.port import Directory, Wanted
from registration.errors import Code, DirectoryAwayError, IgcError
from registration.rules.names import read_pattern
from runtime.secret_file import SecretFile
from runtime.settings.directory import LdapSettings
from tests.support import slapd
from tests.support.slapd import PASSWORD, PERSONNES, READER, STRUCTURES, Slapd

pytestmark = pytest.mark.needs("slapd", "libldap-dev", "libsasl2-dev")

HOPITAL, CLINIQUE = "10B0039137", "10B0039145"
STAFF = 240
ENTRIES = slapd.tree(
    slapd.structure(HOPITAL, "Centre hospitalier de l'Œuvre", "Paris (75)"),
    slapd.structure(CLINIQUE, "Clinique du Val d'Orge", "69"),
    slapd.structure("10B0039152", "Sans département", "Atlantide"),
    slapd.structure("PAS-UN-IDENTIFIANT", "Autre chose", "75"),
    slapd.personne("810100271385", "Léroux", "Éloïse", HOPITAL, CLINIQUE, businessCategory="10"),
    slapd.personne("810000013994", "LEROUX-DUPONT", "Jean", HOPITAL, employeeType="PF"),
    slapd.personne("30B0039137/CPE001", "Bertin*(x)", "Hugo", HOPITAL, title="Personnel santé ou social"),
    slapd.personne("810000013995", "CLEF FAUSSE", "Jean", HOPITAL),
    *(slapd.personne(f"30B0039137/A{rank:04d}", f"AGENT {rank:04d}", "Ali", HOPITAL) for rank in range(STAFF)),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    found = Slapd(tmp_path_factory.mktemp("slapd"))
    found.load(ENTRIES)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def password(tmp_path: Path) -> SecretFile:
    path = tmp_path / "ldap.secret"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    return SecretFile(path)


@dataclass
class Settings:
    server: Slapd
    password: SecretFile

    def directory(self, **changes: Any) -> Directory:
        from batch.directory.ldap import LdapDirectory

        values = {
            "url": self.server.tls_url, "ca_file": self.server.ca_file, "bind_dn": READER,
            "password_file": self.password, "structures_base": STRUCTURES, "personnes_base": PERSONNES,
            "page_size": 50, "attributes": {"code_profession": "businessCategory"},
        }  # fmt: skip
        return LdapDirectory(LdapSettings(**{**values, **changes}))


@pytest.fixture
def settings(server: Slapd, password: SecretFile) -> Settings:
    return Settings(server, password)


LEROUX = PersonneEntry("810100271385", "PS", "Léroux", "Éloïse", "Médecin", 10)


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_entries_are_read_by_their_ids(settings: Settings, way: str) -> None:
    changes = {} if way == "ldaps" else {"url": settings.server.url, "starttls": True}
    found = settings.directory(**changes).read({HOPITAL, "10B0039999"}, {LEROUX.id_national, "30B0039137/CPE001"})
    assert found.structures == (StructureEntry(HOPITAL, "Centre hospitalier de l'Œuvre", "Paris (75)"),)
    agent = PersonneEntry("30B0039137/CPE001", "PE", "Bertin*(x)", "Hugo", "Personnel santé ou social")
    assert found.personnes == (agent, LEROUX)
    assert found.rattachements == (
        RattachementEntry("30B0039137/CPE001", HOPITAL),
        RattachementEntry(LEROUX.id_national, HOPITAL),
    )


def test_more_ids_than_a_question_holds_are_all_read(settings: Settings) -> None:
    ids = {f"30B0039137/A{rank:04d}" for rank in range(STAFF)}
    found = settings.directory().read({HOPITAL}, ids)
    assert {entry.id_national for entry in found.personnes} == ids
    assert len(found.rattachements) == STAFF


@pytest.mark.parametrize(
    ("nom", "prenom", "found"),
    [
        ("leroux", None, ["810100271385"]),
        ("LER*", None, ["810100271385", "810000013994"]),
        ("LÉROUX*", "éloise", ["810100271385"]),
        ("leroux dup*", None, ["810000013994"]),
        (None, "JEAN", ["810000013994"]),
        ("bertin*", None, ["30B0039137/CPE001"]),
        ("bertin x", None, ["30B0039137/CPE001"]),
        ("zzz*", None, []),
    ],
)
def test_persons_are_found_without_case_and_accents(
    settings: Settings, nom: str | None, prenom: str | None, found: list[str]
) -> None:
    wanted = Wanted(
        nom=None if nom is None else read_pattern(nom, "nom"),
        prenom=None if prenom is None else read_pattern(prenom, "prenom"),
    )
    people = settings.directory().find_personnes(HOPITAL, wanted, 10)
    assert [one.id_national for one in people] == found


def test_only_persons_of_the_structure_are_found(settings: Settings) -> None:
    assert [one.id_national for one in settings.directory().find_personnes(CLINIQUE, Wanted(), 10)] == ["810100271385"]
    assert settings.directory().find_personnes("10B0039152", Wanted(), 10) == []


@pytest.mark.parametrize("ident", ["*", "8*", "810100271385)(uid=*", "\\2a", "(|(uid=*))"])
def test_what_somebody_types_is_never_a_filter(settings: Settings, ident: str) -> None:
    directory = settings.directory()
    assert directory.find_personnes(HOPITAL, Wanted(id_national=ident), 10) == []
    assert directory.find_personnes(ident, Wanted(), 10) == []
    assert directory.read({ident}, {ident}) == ((), (), ())


def test_structures_are_found_in_a_perimeter_and_without_one(settings: Settings) -> None:
    directory = settings.directory()
    both = [HOPITAL, CLINIQUE]
    assert [one.id_national for one in directory.find_structures(both, None, 10)] == both
    assert directory.find_structures([CLINIQUE], read_pattern("centre*", "raisonSociale"), 10) == []
    pattern = read_pattern("CENTRE HOSPITALIER DE L'OEUVRE", "raisonSociale")
    assert [one.id_national for one in directory.find_structures(None, pattern, 10)] == [HOPITAL]
    assert len(directory.find_structures(both, None, 1)) == 1


def test_entries_that_cannot_be_used_are_left_out(settings: Settings) -> None:
    found = settings.directory().read({"10B0039152", "PAS-UN-IDENTIFIANT"}, {"810000013995"})
    assert found == ((), (), ())


def test_results_beyond_a_page_are_read_and_beyond_the_limit_refused(settings: Settings) -> None:
    pattern = read_pattern("agent*", "nom")
    assert len(settings.directory().find_personnes(HOPITAL, Wanted(nom=pattern), 1_000)) == STAFF
    with pytest.raises(IgcError) as caught:
        settings.directory(max_entries=100).find_personnes(HOPITAL, Wanted(nom=pattern), 1_000)
    assert caught.value.code is Code.CRITERIA_INVALID


# --- away ---


def asks(directory: Directory) -> DirectoryAwayError:
    with pytest.raises(DirectoryAwayError) as caught:
        directory.read({HOPITAL}, {LEROUX.id_national})
    return caught.value


def test_another_certificate_than_ours_is_not_trusted(settings: Settings, tmp_path: Path) -> None:
    other = slapd.self_signed(tmp_path, "autre").certificate
    asks(settings.directory(ca_file=other))
    asks(settings.directory(url=settings.server.url, starttls=True, ca_file=other))


def test_another_name_than_that_of_the_certificate_is_not_trusted(settings: Settings) -> None:
    asks(settings.directory(url=f"ldaps://127.0.0.2:{settings.server.tls_port}"))


def test_a_wrong_password_and_a_lost_one_are_a_directory_away(settings: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "autre.secret"
    wrong.write_text("autre\n")
    wrong.chmod(0o600)
    asks(settings.directory(password_file=SecretFile(wrong)))
    asks(settings.directory(password_file=SecretFile(tmp_path / "absent")))
    asks(settings.directory(bind_dn="", password_file=None))


def test_a_base_that_is_not_there_is_a_directory_away(settings: Settings) -> None:
    asks(settings.directory(personnes_base="ou=ailleurs,dc=annuaire,dc=example"))


@pytest.mark.parametrize("way", ["ldaps", "ldap", "starttls"])
def test_a_server_that_takes_the_connection_and_says_nothing_is_waited_for_as_long_as_set(
    settings: Settings, way: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"{'ldaps' if way == 'ldaps' else 'ldap'}://127.0.0.1:{port}"
        begin = time.monotonic()
        asks(settings.directory(url=url, starttls=way == "starttls", timeout_seconds=1))
        assert time.monotonic() - begin < 8


def test_a_server_that_stops_answering_is_a_directory_away_until_it_goes_on(settings: Settings) -> None:
    directory = settings.directory(timeout_seconds=1)
    settings.server.hold()
    try:
        begin = time.monotonic()
        asks(directory)
        assert time.monotonic() - begin < 8
    finally:
        settings.server.let_go()
    assert settings.directory().read({HOPITAL}, ()).structures


def test_nobody_listens(settings: Settings) -> None:
    error = asks(settings.directory(url="ldap://127.0.0.1:1"))
    assert error.code is Code.DIRECTORY_AWAY
