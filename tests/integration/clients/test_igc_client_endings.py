"""How igc-client ends when it cannot go on: one JSON document with --json, the same exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest

from clients.cli import main as command_line
from clients.cli.main import app, run
from clients.files import TEMPORARY_SUFFIX, alone_in
from tests.integration.clients.cli_desk import CODE, COMMAND, WITHDRAW, environment, on_a_terminal
from tests.integration.clients.stand_in.service import StandIn

FAILURES = [
    (["suivre", "99"], None, "introuvable", "ERR_WS_031", 5),
    (["rechercher"], None, "messageRefuse", "ERR_IHM_025", 2),
    (["etat"], "denied", "accesRefuse", "ERR_WS_025", 3),
    (["etat"], "fault", "erreurTechnique", "ERR_WS_050", 4),
    (["etat"], "before", "connexion", None, 4),
    (["etat"], "status:404", "reponseInattendue", None, 4),
    (["etat"], "broken xml", "reponseInattendue", None, 4),
    (["deposer", "absent.xml"], None, "messageNonConforme", None, 2),
    (["cles", "absent.csv"], None, "messageNonConforme", None, 2),
    (["cles", "postes.csv", "--mot-de-passe-fichier", "absent.txt"], None, "reglage", None, 6),
    (["lister", "1", "--etat", "TOTO"], None, "ligneDeCommande", None, 2),
    (["deposer"], None, "ligneDeCommande", None, 2),
    (["effacer"], None, "ligneDeCommande", None, 2),
    (["deposer", "lot.xml", "--couleur"], None, "ligneDeCommande", None, 2),
    (["--config", "absent.toml", "etat"], None, "reglage", None, 6),
    (["--ca", "lot.xml", "etat"], None, "reglage", None, 6),
]


@pytest.mark.parametrize(("arguments", "plan", "nature", "code", "end"), FAILURES)
def test_with_json_every_failure_is_one_document_and_the_exit_code_the_same(
    desk: Path,
    stand_in: StandIn,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    plan: str | None,
    nature: str,
    code: str | None,
    end: int,
) -> None:
    if plan:
        stand_in.plan_next("consulterService", plan, times=2)
    command = ["--essais", "1", *arguments]
    assert run(command) == end
    plain = capsys.readouterr()
    assert plain.out == ""
    assert run([*command, "--json"]) == end
    shown = capsys.readouterr()
    error = json.loads(shown.out)["erreur"]
    assert (error["nature"], error.get("code"), error["fin"]) == (nature, code, end)
    assert error["texte"] in shown.err.replace("\n", " ") or error["texte"].split("\n")[0] in shown.err
    assert "Traceback" not in shown.err


def test_the_problems_of_a_lot_are_in_the_document_by_line_and_field(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk / "postes.csv").write_text(
        "reference;offre;usage;structure;serviceApplicatif;emailActeur\n"
        "a;ORG;SIGN;1750140014;A;a@h.example\na;XXX;SIGN;1750140014;A;a@h.example\n",
        encoding="utf-8",
    )
    assert run(["cles", "postes.csv", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["erreur"]["problemes"] == [
        {"texte": "même référence que la ligne 2.", "ligne": 3, "position": 2, "champ": "reference"}
    ]


def test_a_fault_keeps_its_members_in_the_document(
    desk: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.plan_next("consulterService", "fault")
    assert run(["--essais", "1", "etat", "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["erreur"]
    assert (error["code"], error["incident"]) == ("ERR_WS_050", "inc-42")


def test_an_unforeseen_error_has_its_own_exit_code_and_no_traceback(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ValueError(CODE)

    monkeypatch.setattr(command_line, "app", broken)
    assert run(["etat"]) == 70
    shown = capsys.readouterr()
    assert "Erreur interne" in shown.err
    assert CODE not in shown.err + shown.out


def test_without_arguments_the_help_is_shown_and_nothing_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    shown = capsys.readouterr()
    assert "─ Obtenir ─" in shown.out
    assert shown.err == ""


def test_two_renewals_at_once_in_one_folder_are_one_and_a_refusal(
    desk: Path, stand_in: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone_in(desk / "renouvellements"):
        assert run(["renouveler", "renouvellements", *WITHDRAW]) == 6
    assert "laissez-la finir" in capsys.readouterr().err
    assert stand_in.calls == {}
    assert run(["renouveler", "renouvellements", *WITHDRAW]) == 0


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(desk: Path, stand_in: StandIn) -> None:
    stand_in.plan_next("deposerLot", "hold")
    with subprocess.Popen(
        [*COMMAND, "deposer", "lot.xml", "--json"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert stand_in.held.wait(20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    stand_in.release.set()
    assert process.returncode == 130
    assert json.loads(out)["erreur"]["nature"] == "interruption"
    assert "reprendra" in err.decode()


def test_a_reader_that_leaves_is_no_error_of_a_file(desk: Path, stand_in: StandIn) -> None:
    run(["deposer", "lot.xml"])
    script = f"{COMMAND[0]} -c '{COMMAND[2]}' lister 1 --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() in (["141"], ["0"]), "0 when everything fitted in the pipe before the reader left"
    assert "ne peut pas être" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_full_disk_is_named_with_its_file(desk: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND[0]} -c '{COMMAND[2]}' etat --json > /dev/full"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6
    assert "disque est plein" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_code_is_asked_again_with_its_rule_until_it_is_met(desk: Path) -> None:
    run(["deposer", "lot.xml"])
    run(["suivre", "1"])
    shown, code = on_a_terminal(
        [*COMMAND, "retirer", "1", "certificats", "--accepter-cgu"],
        [
            ("Code de révocation :", "trop-court"),
            ("Code de révocation :", CODE),
            ("Le même code :", CODE + "x"),
            ("Code de révocation :", CODE),
            ("Le même code :", CODE),
        ],
        hidden=True,
    )
    assert code == 1, shown
    words = " ".join(shown.split())
    assert words.index("de 12 à 128 caractères, dont une majuscule") < words.index("Code de révocation :")
    assert "Code refusé : trop faible" in words
    assert "sont différents" in words
    assert "2 certificat(s) sur 3" in words
    assert CODE not in shown
    assert "trop-court" not in shown


def test_a_missing_setting_is_told_before_the_code_is_asked_for(desk: Path) -> None:
    (desk / "igc-client.toml").write_text("", encoding="utf-8")
    shown, code = on_a_terminal([*COMMAND, "retirer", "1", "certificats", "--accepter-cgu"], [])
    assert code == 6
    assert "Code de révocation" not in shown


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_code_goes_out_composed_whole_and_without_what_editors_add(
    desk: Path, stand_in: StandIn, form: Literal["NFC", "NFD"], encoding: str
) -> None:
    import unicodedata

    code = " Médecine-2026 "
    (desk / "code.txt").write_bytes((unicodedata.normalize(form, code) + "\r\n").encode(encoding))
    run(["deposer", "lot.xml"])
    run(["suivre", "1"])
    assert run(["retirer", "1", "certificats", *WITHDRAW]) == 1
    assert {demande.code for demande in stand_in.memory.demandes.values()} == {code, None}


def test_a_killed_run_s_temporary_files_are_gone_after_the_next(desk: Path) -> None:
    run(["deposer", "lot.xml"])
    run(["suivre", "1"])
    (desk / "certificats").mkdir()
    left = desk / "certificats" / f".manifeste.json.abcd{TEMPORARY_SUFFIX}"
    left.write_bytes(b"{")
    assert run(["retirer", "1", "certificats", *WITHDRAW]) == 1
    assert list((desk / "certificats").glob(".*")) == []


LACKING = """
import os, signal, sys
for name in ("fchmod", "fork", "forkpty", "getuid", "geteuid", "chown", "O_TMPFILE", "link", "getppid", "setsid", "killpg"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("fcntl", "termios", "pwd", "grp", "resource", "tty", "pty", "readline"):
    sys.modules[name] = None
for name in ("SIGPIPE", "SIGALRM", "SIGHUP", "SIGKILL"):
    if hasattr(signal, name):
        delattr(signal, name)
from clients.cli.main import main
main()
"""


@pytest.mark.long
def test_a_system_that_lacks_what_windows_lacks_is_enough(desk: Path, stand_in: StandIn) -> None:
    (desk / "postes.csv").write_bytes(
        b"\xef\xbb\xbf"
        + "\r\n".join(
            (
                "reference;offre;usage;structure;serviceApplicatif;emailActeur;;",
                *(f"poste-{rank};ORG;AUTH_CLI;1750140014;Médecine;si@hopital.example;;" for rank in range(4)),
            )
        ).encode()
    )

    def lacking(*arguments: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", LACKING, *arguments],
            env={**environment(), "PYTHONIOENCODING": "cp1252", **variables},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8")

    assert json.loads(lacking("cles", "postes.csv", "--json"))["demandes"] == 4
    lacking("tout", "postes.xml", "certificats", "--cles", "cles", *WITHDRAW)
    found = json.loads(lacking("lister", "1", "--json"))
    assert [one["etat"] for one in found] == ["CLOSE"] * 4
    assert "référence" in lacking("lister", "1")
    assert "Médecine" in json.dumps(json.loads(lacking("consulter", "1", "--json")), ensure_ascii=False)
    assert "introuvable" in lacking("suivre", "77", "--json", code=5)


def test_names_that_are_not_unicode_are_no_traceback(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"cl\xe9s")
    (desk / "postes.csv").write_text(
        "reference;offre;usage;structure;serviceApplicatif;emailActeur\na;ORG;SIGN;1750140014;A;a@h.example\n",
        encoding="utf-8",
    )
    assert run(["cles", "postes.csv", "--dossier", odd, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cles"] == "cl\\udce9s"
    assert run(["tout", "postes.xml", "certificats", "--cles", odd, *WITHDRAW, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lignes"][0]["cle"] == "../cl\\udce9s/a.key"
    done = subprocess.run(
        [*COMMAND, "cles", "postes.csv", "--dossier", odd, "--sortie", odd],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lister 1 --etat ", ["ANNULEE", "CLOSE", "ENREGISTREE", "NON_TRAITEE", "REJETEE", "TRANSMISE", "VALIDEE"]),
        ("rechercher --offre P", ["PRO", "PS"]),
        ("rechercher --usage SSL", ["SSL_SERV"]),
        ("rechercher --etat NON", ["NON_TRAITEE"]),
        ("li", ["lister"]),
    ],
)
def test_commands_and_values_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, expected: list[str]
) -> None:
    words = ["igc-client", *typed.split(" ")]
    monkeypatch.setenv("_IGC_CLIENT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert run([]) == 0
    assert sorted(capsys.readouterr().out.split()) == expected


def test_the_script_for_bash_completes_in_bash(desk: Path) -> None:
    folder = desk / "bin"
    folder.mkdir()
    (folder / "igc-client").write_text(f'#!/bin/sh\nexec {COMMAND[0]} -c "{COMMAND[2]}" "$@"\n', encoding="utf-8")
    (folder / "igc-client").chmod(0o755)
    script = (
        f'PATH="{folder}:$PATH"; eval "$(igc-client --completion bash)"; '
        "COMP_WORDS=(igc-client lister 1 --etat REJ); COMP_CWORD=4; "
        '_igc_client_completion igc-client; printf "%s\\n" "${COMPREPLY[@]}"; complete -p igc-client'
    )
    done = subprocess.run(
        ["bash", "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[0] == "REJETEE", done.stderr
    assert "-F _igc_client_completion igc-client" in done.stdout


@pytest.mark.long
def test_keys_in_the_making_leave_no_half_file_when_everything_is_killed(desk: Path) -> None:
    """kill -9 of the whole group while keys are made: what is there is whole, and the next run tidies up."""
    lines = [f"poste-{rank};ORG;AUTH_CLI;1750140014;Accueil;si@hopital.example" for rank in range(200)]
    (desk / "postes.csv").write_text(
        "\n".join(("reference;offre;usage;structure;serviceApplicatif;emailActeur", *lines)), encoding="utf-8"
    )
    process = subprocess.Popen(
        [*COMMAND, "cles", "postes.csv", "--processus", "2"],
        env=environment(),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while len(list((desk / "cles").glob("*.key"))) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    left = desk / "cles" / f".poste-1.key.abcd{TEMPORARY_SUFFIX}"
    left.write_bytes(b"-----BEGIN")
    for key in (desk / "cles").glob("*.key"):
        assert key.read_bytes().endswith(b"-----END PRIVATE KEY-----\n")
    (desk / "peu.csv").write_text("\n".join((desk / "postes.csv").read_text().split("\n")[:4]), encoding="utf-8")
    assert run(["cles", "peu.csv"]) == 0
    assert not left.exists()
    assert list((desk / "cles").glob(".*")) == []


def test_the_help_of_every_command_is_french_throughout(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], *([str(command.name), "--help"] for command in app.registered_commands)):
        assert run(arguments) == 0
        shown = capsys.readouterr().out
        for english in ("COMMAND ", "ARGS", "<str>", "<path>", "<int", "<bool>", "Show", "required", "default:", "{"):
            assert english not in shown, arguments
