"""igc-client as an operator runs it: output, exit codes, secrets, and the same command again after a cut or a kill."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from clients.commands import run
from clients.lot_file import read_lot, write_lot

CODE = "Mot-De-Passe-Long"
ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from clients.commands import main; main()"]


@pytest.fixture
def desk(stand_in, authority, make_lot, tmp_path, monkeypatch):
    """A folder with a configuration, a lot and a revocation code, as the current folder."""
    cert, key = authority.client_files
    (tmp_path / "igc-client.toml").write_text(
        f'url = "{stand_in.url}"\ncertificat = "{cert}"\ncle = "{key}"\nca = "{authority.ca_file}"\n', encoding="utf-8"
    )
    (tmp_path / "code.txt").write_text(CODE + "\n", encoding="utf-8")
    write_lot(make_lot(), tmp_path / "lot.xml")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IGCCLIENT_")]:
        monkeypatch.delenv(name)
    return tmp_path


WITHDRAW = ["--code-fichier", "code.txt", "--accepter-cgu"]


def rows_of(folder):
    with (folder / "manifeste.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def as_json(capsys, *arguments, code=0):
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_table_becomes_keys_then_a_lot_then_certificates_paired_with_their_keys(desk, capsys):
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


def test_a_bad_table_is_refused_before_any_key_is_made(desk, capsys):
    (desk / "postes.csv").write_text("offre;usage;emailActeur\nORG;AUTRE;a@h.example\n", encoding="utf-8")
    assert run(["cles", "postes.csv"]) == 2
    assert "ligne" not in capsys.readouterr().out
    assert not (desk / "cles").exists()


def test_a_table_that_names_its_csrs_gets_no_keys(desk, capsys):
    (desk / "postes.csv").write_text(
        "offre;usage;structure;serviceApplicatif;emailActeur;csr\n"
        "ORG;SIGN;1750140014;A;a@h.example;\nORG;SIGN;1750140014;B;a@h.example;une.csr\n",
        encoding="utf-8",
    )
    assert run(["cles", "postes.csv"]) == 2
    assert "ligne 3, demande 2, champ csr" in capsys.readouterr().err
    assert not (desk / "cles").exists()


def test_a_table_may_be_deposited_as_it_is_when_it_names_its_csrs(desk, csrs):
    (desk / "une.csr").write_bytes(csrs[0])
    (desk / "postes.csv").write_text(
        "offre;usage;structure;serviceApplicatif;emailActeur;csr\nORG;SIGN;1750140014;A;a@h.example;une.csr\n",
        encoding="utf-8",
    )
    assert run(["deposer", "postes.csv", "--reference", "R-9"]) == 0
    assert run(["suivre", "postes.csv"]) == 0
    assert run(["retirer", "R-9", "certificats", *WITHDRAW]) == 0
    assert [row["fichier"] for row in rows_of(desk / "certificats")] == ["00001.p7b"]


def test_json_documents_carry_the_contract_s_names(desk, capsys):
    assert as_json(capsys, "etat")["demandesParLot"] == 10000
    assert as_json(capsys, "verifier", "lot.xml", code=1)["refusees"] == 1
    assert as_json(capsys, "deposer", "lot.xml")["indexLot"] == 1
    assert as_json(capsys, "suivre", "1", code=1)["aRetirer"] == 2
    assert [one["position"] for one in as_json(capsys, "lister", "lot-1", "--etat", "TRANSMISE")] == [1, 3]
    assert len(as_json(capsys, "rechercher", "--offre", "ORG", "--depuis", "2026-01-01")) == 3
    assert as_json(capsys, "consulter", "2")["demande"]["erreur"]["code"] == "ERR_WS_037"
    report = as_json(capsys, "retirer", "lot.xml", "certificats", *WITHDRAW, code=1)
    assert (report["retires"], report["refusees"], len(report["lignes"])) == (2, 1, 3)
    assert as_json(capsys, "annuler", "--lot", "1", "--oui") == {"annulees": 0, "inchangees": 3}


def test_without_a_terminal_results_are_one_line_each_with_semicolons(desk, capsys):
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
        (["--essais", "1", "etat"], "before", 4, "connexion"),
        (["etat"], "status:404", 4, "HTTP 404"),
        (["deposer", "absent.xml"], None, 2, "absent.xml"),
        (["--config", "absent.toml", "etat"], None, 6, "absent.toml"),
        (["--cle", "absente.key", "etat"], None, 6, "absente.key"),
        (["--url", "http://127.0.0.1/", "etat"], None, 6, "https"),
        (["retirer", "1", "certificats", "--code-fichier", "code.txt"], None, 6, "--accepter-cgu"),
        (["retirer", "1", "certificats", "--accepter-cgu"], None, 6, "--code-fichier"),
        (["annuler"], None, 6, "--lot"),
        (["rechercher", "--offre", "ORG", "--depuis", "hier"], None, 6, "hier"),
        (["cles", "lot.csv", "--sortie", "lot.csv"], None, 6, ".xml"),
        (["deposer"], None, 2, "Il manque FICHIER"),
        (["deposer", "lot.xml", "--couleur"], None, 2, "Option inconnue : --couleur"),
        (["consulter", "abc"], None, 2, "Valeur refusée pour NUMERO"),
        (["effacer"], None, 2, "Commande inconnue"),
    ],
)
def test_every_failure_has_its_exit_code_and_french_words(desk, stand_in, capsys, arguments, plan, code, words):
    if plan:
        stand_in.plan_next("consulterService", plan)
    assert run(arguments) == code
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.out == ""


def test_a_weak_code_is_refused_before_anything_is_sent(desk, stand_in, capsys):
    for weak in ("Court-1", "sans-majuscule-ici", "SANS-MINUSCULE-ICI", "SansSigneParticulier1"):
        (desk / "code.txt").write_text(weak, encoding="utf-8")
        assert run(["tout", "lot.xml", "certificats", *WITHDRAW]) == 2
        assert weak not in capsys.readouterr().err
    assert stand_in.texts == []


def test_the_code_is_typed_twice_on_a_terminal_without_being_shown(desk):
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
    shown, code = on_a_terminal(
        [*COMMAND, "retirer", "1", "autre", "--accepter-cgu"],
        {"Code de révocation": CODE, "Le même code": CODE + "x"},
        hidden=True,
    )
    assert code == 6
    assert "différents" in shown


def test_a_terminal_gets_live_bars_and_a_cancellation_asks_first(desk, stand_in):
    shown, code = on_a_terminal([*COMMAND, "tout", "lot.xml", "certificats", *WITHDRAW], {})
    assert code == 1
    assert "\x1b[" in shown
    assert "━" in shown
    shown, code = on_a_terminal([*COMMAND, "annuler", "--lot", "1"], {"sans retour possible": "non"})
    assert code == 130
    assert stand_in.calls["annulerLot"] == 0


OPERATIONS = ("deposerLot", "suivreLot", "listerDemandesLot", "retirerPageLot")


@pytest.mark.parametrize("cut", ["before", "after", "truncated"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_call_is_cut_the_same_command_again_ends_well(desk, stand_in, operation, cut):
    command = ["--essais", "1", "tout", "lot.xml", "certificats", *WITHDRAW]
    stand_in.plan_next(operation, cut)
    assert run(command) == 4
    assert run(command) == 1
    assert len(stand_in.lots) == 1
    assert [row["fichier"] for row in rows_of(desk / "certificats")] == ["d-0.p7b", "", "d-2.p7b"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_killed_run_leaves_nothing_that_stops_the_next_one(desk, stand_in, operation):
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


def test_a_brief_outage_is_told_and_survived_within_one_run(desk, stand_in, capsys):
    stand_in.plan_next("deposerLot", "before")
    assert run(["deposer", "lot.xml"]) == 0
    assert "Nouvel essai dans" in capsys.readouterr().err
    assert read_lot(desk / "lot.xml").reference == "lot-1"


def test_help_is_in_french_and_names_every_command(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("cles", "verifier", "deposer", "suivre", "retirer", "tout", "lister", "annuler", "consulter", "etat"):
        assert name in shown
    assert "Commandes" in shown
    assert "Show this message" not in shown
    assert run(["retirer", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "[obligatoire]" in shown
    assert "Show this message" not in shown


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def on_a_terminal(command, answers, *, hidden=False):
    """Everything a terminal showed, and the exit code.

    Each answer is typed once its question is there and, when ``hidden``, once the terminal has stopped echoing:
    what is typed before that is thrown away, and would be seen.
    """
    child, descriptor = pty.fork()
    if child == 0:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(command[0], command)
    shown, waiting, end = "", dict(answers), time.monotonic() + 30
    try:
        while time.monotonic() < end:
            asked = next((question for question in waiting if question in shown), None)
            if asked and not (hidden and termios.tcgetattr(descriptor)[3] & termios.ECHO):
                os.write(descriptor, (waiting.pop(asked) + "\n").encode())
            if not select.select([descriptor], [], [], 0.02)[0]:
                continue
            try:
                piece = os.read(descriptor, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece.decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
