"""Every way a run can end: one table of exit codes and natures, the same as docs/integrateurs.md tells."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import pytest
import typer
from lxml import etree

from clients import errors
from clients.cli.display import Display
from clients.cli.failures import CommandLineError, ExitCode, exit_code_of, failure_of
from clients.contract.schema_check import InvalidMessageError, Problem
from clients.contract.translation import read_fault
from clients.keys.certificate import CertificateFileError
from clients.keys.many import KeyFileError

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "integrateurs.md").read_text(encoding="utf-8")

ENDINGS = [
    (errors.MessageRefuse("ERR_WS_008", "Non."), "messageRefuse", 2),
    (errors.AccesRefuse("ERR_WS_024", "Non."), "accesRefuse", 3),
    (errors.Introuvable("ERR_WS_031", "Non."), "introuvable", 5),
    (errors.Conflit("ERR_WS_030", "Non."), "conflit", 5),
    (errors.ErreurTechnique("ERR_WS_050", "Non."), "erreurTechnique", 4),
    (InvalidMessageError((Problem(texte="non."),)), "messageNonConforme", 2),
    (CommandLineError("non"), "ligneDeCommande", 2),
    (typer.BadParameter("no"), "ligneDeCommande", 2),
    (errors.CertificateRefusedError("non"), "certificatRefuse", 3),
    (errors.ConnectionLostError("non"), "connexion", 4),
    (errors.ServerNotTrustedError("non"), "serveurNonReconnu", 4),
    (errors.UnexpectedAnswerError("non"), "reponseInattendue", 4),
    (errors.SettingsError("non"), "reglage", 6),
    (errors.StateError("non"), "etatLocal", 6),
    (KeyFileError("non"), "fichierDeCle", 6),
    (CertificateFileError("non"), "fichier", 6),
    (FileNotFoundError(errno.ENOENT, "No such file", "lot.xml"), "fichier", 6),
    (PermissionError(errno.EACCES, "Permission denied", "lot.xml"), "fichier", 6),
    (OSError(errno.ENOSPC, "No space left", "lot.xml"), "fichier", 6),
    (OSError("odd"), "fichier", 6),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "sortieFermee", 141),
    (KeyboardInterrupt(), "interruption", 130),
    (typer.Abort(), "interruption", 130),
    (ValueError("secret"), "interne", 70),
    (RecursionError(), "interne", 70),
    (MemoryError(), "interne", 70),
]


def of_kind(error: BaseException) -> str:
    # One line, which pytest writes alike wherever it names a test.
    return f"{type(error).__name__}-{' '.join(str(error).split())}"


@pytest.mark.parametrize(("error", "nature", "code"), ENDINGS, ids=[of_kind(error) for error, _, _ in ENDINGS])
def test_every_failure_has_its_nature_and_its_exit_code(error: BaseException, nature: str, code: int) -> None:
    failure = failure_of(error)
    assert (failure.nature, failure.fin, exit_code_of(error)) == (nature, code, code)
    assert "secret" not in failure.texte
    assert "such file" not in failure.texte


def test_no_error_of_the_package_is_forgotten() -> None:
    def below(kind: type[Exception]) -> set[type[BaseException]]:
        found: set[type[BaseException]] = {kind}
        return found.union(*(below(child) for child in kind.__subclasses__()))

    known = {type(error) for error, _, _ in ENDINGS}
    ours = {kind for kind in below(errors.IgcClientError) if kind.__module__.startswith("clients.")}
    assert ours - known == {errors.IgcClientError, errors.ServiceFault}, "the two roots are never raised"


def test_the_guide_tells_every_nature_and_every_exit_code() -> None:
    for _, nature, code in ENDINGS:
        assert f"`{nature}`" in GUIDE
        assert f"| {code} |" in GUIDE
    assert {code.value for code in ExitCode} == {0, 1, *(code for _, _, code in ENDINGS)}


def test_a_fault_keeps_its_members_and_a_lot_its_problems() -> None:
    fault = errors.Conflit("ERR_IHM_013", "Un autre code.", position=3, champ="codeRevocation", incident="inc-1")
    assert msgspec.json.decode(msgspec.json.encode(failure_of(fault))) == {
        "nature": "conflit",
        "fin": 5,
        "texte": "Un autre code.",
        "code": "ERR_IHM_013",
        "position": 3,
        "champ": "codeRevocation",
        "incident": "inc-1",
    }
    lot = InvalidMessageError((Problem(texte="non.", ligne=4, position=3, champ="csr"),), subject="Le lot x.csv")
    document = msgspec.json.decode(msgspec.json.encode(failure_of(lot)))
    assert document["problemes"] == [{"texte": "non.", "ligne": 4, "position": 3, "champ": "csr"}]


def test_a_file_whose_name_is_not_unicode_is_named_all_the_same() -> None:
    failure = failure_of(FileNotFoundError(errno.ENOENT, "No such file", "cl\udce9.key"))
    assert "cl\\udce9.key" in failure.texte
    msgspec.json.encode(failure)


def test_an_unforeseen_error_tells_where_and_nothing_of_what() -> None:
    def inner() -> None:
        raise ValueError("Mot-De-Passe-Long")

    with pytest.raises(ValueError, match="Mot") as caught:
        inner()
    texte = failure_of(caught.value).texte
    assert "ValueError" in texte
    assert "test_failures.py ligne" in texte
    assert "Mot-De-Passe" not in texte


def test_every_fault_of_a_message_is_read_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    detail = etree.fromstring(
        """<detail xmlns:l="urn:igc-exemple:lots:1.0"><l:messageRefuse><l:code>ERR_WS_008</l:code>
        <l:texte>Le message ne convient pas.</l:texte><l:repetable>false</l:repetable><l:position>2</l:position>
        <l:champ>offre</l:champ>
        <l:faute><l:code>ERR_WS_008</l:code><l:position>2</l:position><l:champ>offre</l:champ>
        <l:texte>valeur hors de la liste permise.</l:texte><l:valeur>org</l:valeur><l:forme>PS ou PRO</l:forme></l:faute>
        <l:faute><l:code>ERR_WS_010</l:code><l:champ>depuis</l:champ><l:texte>date.</l:texte></l:faute>
        <l:autresFautes>7</l:autresFautes></l:messageRefuse></detail>"""
    )
    error = read_fault(detail)
    assert isinstance(error, errors.MessageRefuse)
    assert [(one.code, one.position, one.champ) for one in error.fautes] == [
        ("ERR_WS_008", 2, "offre"), ("ERR_WS_010", None, "depuis"),
    ]  # fmt: skip
    failure = failure_of(error)
    Display().failure(failure)
    shown = capsys.readouterr().err
    assert "demande 2, champ offre : valeur hors de la liste permise. Reçu : « org »" in shown
    assert "Permis : PS ou PRO." in shown
    assert "et 7 autre(s)" in shown
    document = msgspec.json.decode(msgspec.json.encode(failure))
    assert (document["autresFautes"], document["fautes"][1]["champ"]) == (7, "depuis")
