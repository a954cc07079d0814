"""``igc habilitation``: dated rights, one by one and by file, and what covers nothing is refused when it is typed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import update

from registration.acteurs.rights import load_rights
from registration.vocabulary import Offre
from storage import tables
from tests.integration.operateur.conftest import Desk
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.clock import day_of_paris
from tests.support.databases import count_rows

pytestmark = pytest.mark.long


@pytest.fixture
def nobody(desk: Desk) -> str:
    """The id of an application without any right."""
    return str(desk.world.acteurs["inconnu"].id_national)


def patterns(desk: Desk, name: str = "inconnu") -> dict[tuple[Offre, str], frozenset[str]]:
    with desk.world.db.read() as session:
        return load_rights(session, desk.world.acteurs[name]).patterns


def test_a_right_opens_what_it_names_until_it_is_taken_back(desk: Desk, nobody: str) -> None:
    told = desk.good(
        "habilitation", "grant", nobody, "SERV", HOPITAL, "*Hôpital.Example", "--reason", "convention du 3 mars"
    )
    assert "CENTRE HOSPITALIER DES ACACIAS" in told
    assert patterns(desk) == {(Offre.SERV, HOPITAL): frozenset({"*xn--hpital-ixa.example"})}
    assert len(desk.world.ra.acteurs.allowed_structures(desk.world.acteurs["inconnu"])) == 2  # SERV implies ORG
    again = ("habilitation", "grant", nobody, "SERV", HOPITAL, "*hôpital.example", "--reason", "encore")
    assert "rien à faire" in desk.good(*again)
    end = ("habilitation", "end", nobody, "SERV", HOPITAL)
    assert "il a : SERV" in desk.refused(*end, "--reason", "trop court")
    desk.good(*end, "*hôpital.example", "--reason", "convention résiliée")
    assert patterns(desk) == {}
    desk.good(*again)  # given once more: the first one stays as it was
    text = desk.good("habilitation", "list", "--acteur", nobody, "--all", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(text), delimiter=";")
    assert (first["motif"], first["motif_fin"]) == ("convention du 3 mars", "convention résiliée")
    assert first["donnee_par"].startswith("operateur ")
    assert (second["fin_le"], second["motif_fin"]) == ("", "")


def test_dates_are_days_of_paris_and_both_of_them_count(desk: Desk, nobody: str) -> None:
    desk.good(
        "habilitation",
        "grant",
        nobody,
        "ORG",
        CLINIQUE,
        "--reason",
        "essai",
        "--from",
        day_of_paris(10),
        "--until",
        day_of_paris(20),
    )
    assert patterns(desk) == {}
    assert desk.good("habilitation", "list", "--acteur", nobody) == ""
    assert "à partir du" in desk.refused("habilitation", "grant", nobody, "ORG", CLINIQUE, "--reason", "tout de suite")
    acteur = desk.world.acteurs["inconnu"]
    for days, given in ((9, False), (11, True), (20, True), (22, False)):
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True):
            assert bool(patterns(desk)) is given, days
            assert (Offre.ORG in desk.world.ra.acteurs.offres(acteur)) is given
    # One to come can be taken back, and then another one given.
    desk.good("habilitation", "end", nobody, "ORG", CLINIQUE, "--reason", "erreur")
    desk.good("habilitation", "grant", nobody, "ORG", CLINIQUE, "--reason", "tout de suite")
    assert set(patterns(desk)) == {(Offre.ORG, CLINIQUE)}


def test_demandes_are_seen_and_refused_as_the_dates_say(desk: Desk, nobody: str) -> None:
    desk.good("habilitation", "grant", nobody, "ORG", HOPITAL, "--reason", "essai", "--until", day_of_paris(3))
    world = desk.world
    index = world.deposit(world.form(), sender="inconnu").index
    assert world.ra.lots.follow(world.acteurs["inconnu"], index=index).etat
    (demande,) = world.ra.lots.list_demandes(world.acteurs["inconnu"], index).demandes
    assert demande.structure == HOPITAL
    with time_machine.travel(datetime.now(UTC) + timedelta(days=5), tick=True):
        (demande,) = world.ra.lots.list_demandes(world.acteurs["inconnu"], index).demandes
        assert demande.structure is None  # of what he sent he keeps number and verdict only


def test_what_covers_nothing_is_refused_with_what_is_near(desk: Desk, nobody: str) -> None:
    before = count_rows(desk.world.db)
    for words, reason in (
        ((nobody, "PS", HOPITAL), "PS ne s'administre pas"),
        ((nobody, "ORGA", HOPITAL), "ORG, PRO, SERV attendue"),
        ((nobody, "ORG", "10B0990012"), HOPITAL),
        ((nobody, "ORG", "hôpital"), "n'est pas l'identifiant national"),
        ((nobody, "ORG", HOPITAL, "acacias.example"), "ORG ne porte pas de domaine"),
        ((nobody, "SERV", HOPITAL), "SERV sans domaine ne couvre rien"),
        ((nobody, "SERV", HOPITAL, "*fr"), "ne couvre rien"),
        ((nobody, "SERV", HOPITAL, "**.acacias.example"), "ne couvre rien"),
        ((nobody, "PRO", HOPITAL, "acacias.example"), "proches : *@acacias.example"),
        ((f"{nobody}X", "ORG", HOPITAL), f"proches : {nobody}"),
        (("899700990099", "ORG", HOPITAL), "clé de contrôle fausse"),
        (("10B0990011/ABSENTE!", "ORG", HOPITAL), "ni application inscrite, ni personne"),
        (("8997009900l1", "ORG", HOPITAL), "ni application inscrite, ni personne"),
    ):
        assert reason in desk.refused("habilitation", "grant", *words, "--reason", "essai"), words
    for option, value, reason in (
        ("--until", day_of_paris(-2), "ne laissent aucun jour"),
        ("--until", "demain", "un jour attendu"),
        ("--reason", "x" * 201, "motif"),
        ("--operateur", "x" * 64, "nom trop long"),
    ):
        told = desk.refused("habilitation", "grant", nobody, "ORG", HOPITAL, "--reason", "essai", option, value)
        assert reason in told
    assert count_rows(desk.world.db) == before


def test_a_person_of_the_directory_becomes_an_acteur(desk: Desk) -> None:
    personne = tables.Personne(
        plateforme="TEST", id_national="30B0990011/NEUF", type_personne="PE", nom="NEUF", prenom="ALIX", titre="Agent"
    )
    with desk.world.db.write() as session:
        session.add(personne)
    desk.good("habilitation", "grant", personne.id_national, "PRO", HOPITAL, "--reason", "responsable des cartes")
    text = desk.good("habilitation", "list", "--acteur", personne.id_national, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(text), delimiter=";")
    assert (row["libelle"], row["type_acteur"]) == ("NEUF ALIX", "PERSONNE")


def test_what_is_taken_back_is_over_where_the_clock_is_behind(desk: Desk, nobody: str) -> None:
    """The operator's machine is two seconds ahead of the one that is asked."""
    grant = ("habilitation", "grant", nobody, "ORG", HOPITAL, "--reason", "essai")
    desk.good(*grant)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=2), tick=False):
        desk.good("habilitation", "end", nobody, "ORG", HOPITAL, "--reason", "terminé")
    assert patterns(desk) == {}
    assert "donnée" in desk.good(*grant), "it is not there any more, whoever asks"
    assert patterns(desk) == {(Offre.ORG, HOPITAL): frozenset()}


def test_who_has_gone_from_the_directory_is_given_nothing(desk: Desk, nobody: str) -> None:
    gone = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with desk.world.db.write() as session:
        session.add(
            tables.Personne(
                plateforme="TEST",
                id_national="30B0990011/PARTI",
                type_personne="PE",
                nom="PARTI",
                prenom="ALIX",
                titre="Agent",
                disparu_le=gone,
            )
        )
    told = desk.refused("habilitation", "grant", "30B0990011/PARTI", "PRO", HOPITAL, "--reason", "essai")
    assert "disparue de l'annuaire le 02/03/2026" in told
    with desk.world.db.write() as session:
        session.execute(update(tables.Structure).where(tables.Structure.id_national == HOPITAL).values(disparu_le=gone))
    assert "disparue de l'annuaire" in desk.refused(
        "habilitation", "grant", nobody, "ORG", HOPITAL, "--reason", "essai"
    )


def test_a_file_is_done_whole_or_not_at_all(desk: Desk, nobody: str, tmp_path: Path) -> None:
    file = tmp_path / "droits.csv"
    lines = [
        "acteur;offre;structure;domaine;fin;motif;action",
        f"{nobody};SERV;{HOPITAL};*acacias.example;;convention;",
        "",
        f'"{nobody}";PRO;{CLINIQUE};*@valdorge.example;{day_of_paris(9)};"à l\'essai ; ""9 jours""";donner',
    ]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, f"{nobody};ORG;10B0990012;;;faute;"]).encode())
    before = count_rows(desk.world.db)
    told = desk.refused("habilitation", "import", file)
    assert "ligne 2" in told
    assert f"ligne 5 : {nobody} : REFUS" in told
    assert "1 lignes refusées sur 3. Rien n'a été fait." in told
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert "Essai" in desk.good("habilitation", "import", file, "--dry-run")
    assert count_rows(desk.world.db) == before
    desk.good("habilitation", "import", file)
    assert set(patterns(desk)) == {(Offre.SERV, HOPITAL), (Offre.PRO, CLINIQUE)}
    assert desk.good("habilitation", "import", file).count("rien à faire") == 2
    file.write_text(f"{lines[0]}\n{nobody};SERV;{HOPITAL};*acacias.example;;parti;retirer\n", "utf-8")
    desk.good("habilitation", "import", file)
    assert set(patterns(desk)) == {(Offre.PRO, CLINIQUE)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "en-tête attendu"),
        (b"acteur;offre;structure\n", "en-tête attendu"),
        (b"acteur;offre;structure;motif;role\n", "inconnues : role"),
        (b"acteur;offre;structure;motif\n", "aucune ligne"),
        (b"acteur;offre;structure;motif\nA;ORG;1\n", "ligne 2 : 3 colonnes, 4 attendues"),
        (b"acteur;offre;structure;motif;debut\nA;ORG;1;m;31/01/2027\n", "ligne 2 : « 31/01/2027 »"),
        (b"acteur;offre;structure;motif;action\nA;ORG;1;m;changer\n", "donner ou retirer"),
        (b"acteur;offre;structure;motif\nA;ORG;1;\xe9t\xe9\n", "pas du texte UTF-8"),
        ("acteur".encode("utf-16"), "UTF-16"),
        (b'acteur;offre;structure;motif\nA;ORG;1;"m\n', "guillemets"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(desk: Desk, tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "droits.csv"
    file.write_bytes(content)
    assert reason in desk.refused("habilitation", "import", file)
