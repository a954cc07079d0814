"""igc-client as an operator runs it: output, exit codes, secrets, and the same command again after a cut or a kill."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clients.cli.main import app, run
from clients.lots.file import read_lot
from tests.integration.clients.cli_desk import CODE, COMMAND, WITHDRAW, environment, on_a_terminal
from tests.integration.clients.stand_in.service import StandIn


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifeste.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_table_becomes_keys_then_a_lot_then_certificates_paired_with_their_keys(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "reference;offre;usage;structure;serviceApplicatif;emailActeur",
        "poste/1;ORG;AUTH_CLI;1750140014;Accueil;si@hopital.example",
        ";ORG;AUTH_CLI;1750140014;REFUS;si@hopital.example",
    ]
    (desk / "postes.csv").write_text("\n".join(lines), encoding="utf-8")
    assert run(["cles", "postes.csv"]) == 0
    assert sorted(path.name for path in (desk / "cles").iterdir()) == [
        "00002.csr",
        "00002.key",
        "poste_1.csr",
        "poste_1.key",
    ]
    assert run(["tout", "postes.xml", "certificats", "--cles", "cles", *WITHDRAW]) == 1
    rows = rows_of(desk / "certificats")
    assert [(row["fichier"], row["cle"], row["codeErreur"]) for row in rows] == [
        ("poste_1.p7b", "../cles/poste_1.key", ""),
        ("", "", "ERR_WS_037"),
    ]
    shown = capsys.readouterr()
    assert "1 certificat(s) sur 2 demande(s)" in shown.out
    assert "ERR_WS_037" in shown.out
    assert "\x1b[" not in shown.out + shown.err, "no colours outside a terminal"


def test_a_bad_table_is_refused_before_any_key_is_made(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "postes.csv").write_text("offre;usage;emailActeur\nORG;AUTRE;a@h.example\n", encoding="utf-8")
    assert run(["cles", "postes.csv"]) == 2
    assert "ligne" not in capsys.readouterr().out
    assert not (desk / "cles").exists()


def test_a_table_that_names_its_csrs_gets_no_keys(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "postes.csv").write_text(
        "offre;usage;structure;serviceApplicatif;emailActeur;csr\n"
        "ORG;SIGN;1750140014;A;a@h.example;\nORG;SIGN;1750140014;B;a@h.example;une.csr\n",
        encoding="utf-8",
    )
    assert run(["cles", "postes.csv"]) == 2
    assert "ligne 3, demande 2, champ csr" in capsys.readouterr().err
    assert not (desk / "cles").exists()


def test_a_table_may_be_deposited_as_it_is_when_it_names_its_csrs(desk: Path, csrs: list[bytes]) -> None:
    (desk / "une.csr").write_bytes(csrs[0])
    (desk / "postes.csv").write_text(
        "offre;usage;structure;serviceApplicatif;emailActeur;csr\nORG;SIGN;1750140014;A;a@h.example;une.csr\n",
        encoding="utf-8",
    )
    assert run(["deposer", "postes.csv", "--reference", "R-9"]) == 0
    assert run(["suivre", "postes.csv"]) == 0
    assert run(["retirer", "R-9", "certificats", *WITHDRAW]) == 0
    assert [row["fichier"] for row in rows_of(desk / "certificats")] == ["00001.p7b"]


def test_json_documents_carry_the_contract_s_names(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert as_json(capsys, "etat")["demandesParLot"] == 10000
    checked = as_json(capsys, "verifier", "lot.xml", code=1)
    assert checked["refusees"] == 1
    first = checked["verdict"][0]
    assert (first["sujet"], first["nomAlternatif"]) == ("CN=essai, C=FR", [{"nature": "DNS", "valeur": "a.exemple.fr"}])
    assert [one["code"] for one in first["avertissement"]] == ["AVT_WS_001"]
    assert as_json(capsys, "deposer", "lot.xml")["indexLot"] == 1
    assert as_json(capsys, "suivre", "1", code=1)["aRetirer"] == 2
    assert [one["position"] for one in as_json(capsys, "lister", "lot-1", "--etat", "TRANSMISE")] == [1, 3]
    assert len(as_json(capsys, "rechercher", "--offre", "ORG", "--depuis", "2026-01-01")) == 3
    assert len(as_json(capsys, "rechercher", "--offre", "toutes")) == 3
    assert as_json(capsys, "consulter", "2")["demande"]["erreur"]["code"] == "ERR_WS_037"
    report = as_json(capsys, "retirer", "lot.xml", "certificats", *WITHDRAW, code=1)
    assert (report["retires"], report["refusees"], len(report["lignes"])) == (2, 1, 3)
    assert as_json(capsys, "annuler", "--lot", "1", "--oui") == {"annulees": 0, "inchangees": 3}


def test_without_a_terminal_results_are_one_line_each_with_semicolons(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["deposer", "lot.xml"])
    capsys.readouterr()
    assert run(["lister", "1"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.startswith("numéro;canal;lot;position;référence")
    assert [line.split(";")[4] for line in lines] == ["d-0", "d-1", "d-2"]
    assert run(["consulter", "1"]) == 0
    assert "ACT_DCL_001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "plan", "code", "words"),
    [
        (["suivre", "99"], None, 5, "ERR_WS_031"),
        (["suivre", "inconnue"], None, 5, "ERR_WS_031"),
        (["consulter", "99"], None, 5, "ERR_WS_032"),
        (["rechercher"], None, 2, "ERR_IHM_025"),
        (["etat"], "denied", 3, "ERR_WS_025"),
        (["--essais", "1", "etat"], "fault", 4, "incident inc-42"),
        (["--essais", "1", "etat"], "before", 4, "127.0.0.1"),
        (["etat"], "status:404", 4, "HTTP 404"),
        (["deposer", "absent.xml"], None, 2, "absent.xml"),
        (["--config", "absent.toml", "etat"], None, 6, "absent.toml"),
        (["--essais", "zéro", "etat"], None, 6, "essais doit être un nombre entier"),
        (["--delai", "-1", "etat"], None, 6, "delai doit être"),
        (["--url", "https://nom:secret@127.0.0.1/", "etat"], None, 6, "ni nom ni mot de passe"),
        (
            ["--url", "https://127.0.0.1/ws/lots/1.0?wsdl", "etat"],
            None,
            6,
            "sans ?wsdl : https://127.0.0.1/ws/lots/1.0",
        ),
        (["--url", "https://[::1", "etat"], None, 6, "https://nom"),
        (["--url", "https://127.0.0.1:99999/", "etat"], None, 6, "https://nom"),
        (["--url", "https://exa mple/", "etat"], None, 6, "n'est pas une adresse https"),
        (["--url", f"https://{'a' * 70}.example/", "etat"], None, 6, "n'est pas une adresse https"),
        (["--mandataire", "ftp://127.0.0.1:1", "etat"], None, 6, "mandataire"),
        (["--cle", "absente.key", "etat"], None, 6, "absente.key"),
        (["--url", "http://127.0.0.1/", "etat"], None, 6, "https"),
        (["retirer", "1", "certificats", "--code-fichier", "code.txt"], None, 2, "--accepter-cgu"),
        (["retirer", "1", "certificats", "--accepter-cgu"], None, 2, "--code-fichier"),
        (["retirer", "1", "certificats", *WITHDRAW, "--cles", "absentes"], None, 2, "absentes"),
        (["annuler"], None, 2, "--lot"),
        (["rechercher", "--offre", "ORG", "--depuis", "hier"], None, 2, "hier"),
        (["rechercher", "--offre", "ORG", "--depuis", "0001-01-01"], None, 2, "0001-01-01"),
        (["rechercher", "--offre", "ROG"], None, 2, "PS, PRO, ORG, SERV, TOUTES"),
        (["rechercher", "--usage", "AUTHCLI"], None, 2, "AUTH_CLI"),
        (["lister", "1", "--etat", "TERMINE"], None, 2, "NON_TRAITEE"),
        (["lister", "1", "--etat", "a_retirer"], None, 2, "--etat TRANSMISE"),
        (["lister", "absent.xml"], None, 5, "pas non plus de fichier"),
        (["lister", "9" * 30], None, 5, "ERR_WS_031"),
        (["cles", "lot.csv", "--sortie", "lot.csv"], None, 2, ".xml"),
        (["--completion", "csh"], None, 2, "bash, zsh"),
        (["deposer"], None, 2, "Il manque FICHIER"),
        (["deposer", "lot.xml", "--couleur"], None, 2, "Option inconnue : --couleur"),
        (["etat", "--config", "autre.toml"], None, 2, "--config se place avant le nom de la commande"),
        (["etat", "--mot-de-passe-cle", "x"], None, 2, "--mot-de-passe-cle se place avant"),
        (["consulter", "abc"], None, 2, "Valeur refusée pour NUMERO"),
        (["effacer"], None, 2, "Commande inconnue"),
    ],
)
def test_every_failure_has_its_exit_code_and_french_words(
    desk: Path,
    stand_in: StandIn,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    plan: str | None,
    code: int,
    words: str,
) -> None:
    if plan:
        stand_in.plan_next("consulterService", plan)
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.out == ""


def test_a_weak_code_is_refused_before_anything_is_sent(
    desk: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    for weak in ("Court-1", "sans-majuscule-ici", "SANS-MINUSCULE-ICI", "SansSigneParticulier1"):
        (desk / "code.txt").write_text(weak, encoding="utf-8")
        assert run(["tout", "lot.xml", "certificats", *WITHDRAW]) == 2
        assert weak not in capsys.readouterr().err
    assert stand_in.texts == []


def test_the_code_is_typed_twice_on_a_terminal_without_being_shown(desk: Path) -> None:
    run(["deposer", "lot.xml"])
    run(["suivre", "1"])
    shown, code = on_a_terminal(
        [*COMMAND, "retirer", "1", "certificats", "--accepter-cgu"],
        {"Code de révocation": CODE, "Le même code": CODE},
        hidden=True,
    )
    assert code == 1
    assert CODE not in shown
    assert "2 certificat(s) sur 3" in shown


def test_a_terminal_gets_live_bars_and_a_cancellation_asks_first(desk: Path, stand_in: StandIn) -> None:
    shown, code = on_a_terminal([*COMMAND, "tout", "lot.xml", "certificats", *WITHDRAW], {})
    assert code == 1
    assert "\x1b[" in shown
    assert "━" in shown
    shown, code = on_a_terminal([*COMMAND, "annuler", "--lot", "1"], {"sans retour possible": "non"})
    assert code == 130
    assert stand_in.calls["annulerLot"] == 0


OPERATIONS = ("deposerLot", "suivreLot", "listerDemandesLot", "retirerPageLot")


@pytest.mark.long
@pytest.mark.parametrize("cut", ["before", "after", "truncated"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_call_is_cut_the_same_command_again_ends_well(
    desk: Path, stand_in: StandIn, operation: str, cut: str
) -> None:
    command = ["--essais", "1", "tout", "lot.xml", "certificats", *WITHDRAW]
    stand_in.plan_next(operation, cut)
    assert run(command) == 4
    assert run(command) == 1
    assert len(stand_in.lots) == 1
    assert [row["fichier"] for row in rows_of(desk / "certificats")] == ["d-0.p7b", "", "d-2.p7b"]


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_killed_run_leaves_nothing_that_stops_the_next_one(desk: Path, stand_in: StandIn, operation: str) -> None:
    command = ["--essais", "1", "tout", "lot.xml", "certificats", *WITHDRAW]
    stand_in.plan_next(operation, "hold")
    victim = subprocess.Popen([*COMMAND, *command], env=environment(), stderr=subprocess.DEVNULL)
    try:
        assert stand_in.held.wait(20)
    finally:
        victim.kill()
        victim.wait(10)
        stand_in.release.set()
    assert run(command) == 1
    assert len(stand_in.lots) == 1
    assert [row["etat"] for row in rows_of(desk / "certificats")] == ["CLOSE", "REJETEE", "CLOSE"]
    assert list((desk / "certificats").glob(".*")) == []


def test_a_brief_outage_is_told_and_survived_within_one_run(
    desk: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.plan_next("deposerLot", "before")
    assert run(["deposer", "lot.xml"]) == 0
    assert "Nouvel essai dans" in capsys.readouterr().err
    assert read_lot(desk / "lot.xml").reference == "lot-1"


def test_help_is_in_french_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in app.registered_commands:
        assert f"│ {command.name} " in shown
    for heading in ("Obtenir", "Renouveler", "Retrouver", "Révoquer", "Service"):
        assert f"─ {heading} ─" in shown
    assert "Show this message" not in shown
    assert run(["retirer", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "[obligatoire]" in shown
    assert "Show this message" not in shown


def test_a_check_shows_subjects_and_warnings_beside_the_refusals(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verifier", "lot.xml"]) == 1
    shown = capsys.readouterr().out
    assert "CN=essai, C=FR;a.exemple.fr" in shown
    assert shown.count("CN=essai") == 2
    assert "AVT_WS_001;serviceApplicatif;Nom à vérifier." in shown
