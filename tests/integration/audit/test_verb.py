"""``igc audit`` as an operator or a nightly job calls it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from audit.certificates import lint
from audit.findings import Topic
from pki.certificates import der
from storage import tables
from tests.integration.audit import forging
from tests.integration.audit.conftest import Place
from tests.support.verbs import igc, options_of, write_settings

pytestmark = pytest.mark.long

SAN = "2.5.29.17"


def settings_of(place: Place, tmp_path: Path, **values: object) -> Path:
    """A settings file for the copy; the clock of the verb is the real one, as that of the plateforme nearly was."""
    pki = {"authorities_dir": place.authorities_dir, "publication_dir": place.publication}
    content = {"data_dir": tmp_path, "database_url": place.url, **values, "pki": pki}
    return write_settings(tmp_path / "igc.toml", content)


def igc_audit(config: Path, *arguments: str) -> Result:
    return igc("audit", "--config", config, *arguments)


def test_nothing_found(place: Place, tmp_path: Path) -> None:
    report = tmp_path / "rapport.json"
    done = igc_audit(settings_of(place, tmp_path), "--no-ocsp", "--sample", "2", "--json", str(report))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "2 certificats relus par pkilint. Résultat : aucune anomalie.\n" in done.stdout
    written = json.loads(report.read_text())
    assert (written["anomalies"], written["constats"]) == ({}, [])
    assert written["controles"]["certificats"] == 22


def test_a_fault_found(embedded: Place, tmp_path: Path) -> None:
    embedded.change(tables.Demande, "ORG_SIGN", etat_produit="REVOQUE")
    report = tmp_path / "rapport.json"
    config = settings_of(embedded, tmp_path)
    done = igc_audit(config, "--no-ocsp", "--sample", "0", "--json", str(report))
    assert done.exit_code == 1
    numero = embedded.numeros["ORG_SIGN"]
    text = "état du produit REVOQUE, le certificat n’est pas révoqué"
    assert done.stdout.splitlines()[:2] == ["HISTORIQUE : 1", f"  demande n° {numero} : {text}"]
    assert "Résultat : 2 anomalies.\n" in done.stdout
    written = json.loads(report.read_text())
    assert written["anomalies"] == {"HISTORIQUE": 1, "LOT": 1}
    assert written["constats"][0] == {"rubrique": "HISTORIQUE", "objet": f"demande n° {numero}", "texte": text}


def test_only_what_is_recent(embedded: Place, tmp_path: Path) -> None:
    config = settings_of(embedded, tmp_path)
    later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    forging.with_extension(embedded, "ORG_SIGN", "2.5.29.46", lambda _: None)
    done = igc_audit(config, "--no-ocsp", "--since", later)
    # The trail, which is always read whole, knows that these are not the bytes that were issued.
    assert (done.exit_code, "CERTIFICAT" in done.stdout, done.stdout.startswith("PISTE : 2")) == (1, False, True)
    earlier = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    assert "CERTIFICAT : 1" in igc_audit(config, "--no-ocsp", "--sample", "0", "--since", earlier).stdout


def test_the_anchor_of_one_audit_is_asked_for_by_the_next(embedded: Place, tmp_path: Path) -> None:
    config = settings_of(embedded, tmp_path)
    report = tmp_path / "rapport.json"
    first = igc_audit(config, "--no-ocsp", "--sample", "0", "--json", str(report))
    anchor = json.loads(report.read_text())["ancre"]
    assert first.stdout.splitlines()[-1] == f"Ancre de la piste d'audit, à garder ailleurs : {anchor}"
    assert igc_audit(config, "--no-ocsp", "--sample", "0", "--anchor", anchor).exit_code == 0
    numero = anchor.split(":")[0]
    other = igc_audit(config, "--no-ocsp", "--sample", "0", "--anchor", f"{numero}:{'0' * 64}")
    assert (other.exit_code, "PISTE : 1" in other.stdout, f"ligne {numero}" in other.stdout) == (1, True, True)
    for bad in ("", "12", "0:" + "0" * 64, f"{numero}:abc", "x" * 70):
        assert igc_audit(config, "--no-ocsp", "--anchor", bad).exit_code == 2, bad


def test_a_responder_of_another_machine_is_never_asked(embedded: Place, tmp_path: Path) -> None:
    config = settings_of(embedded, tmp_path)
    for url in ("http://192.0.2.1:8480", "http://ocsp.igc.example", "https://127.0.0.1:8480", "http://127.0.0.1:port"):
        assert igc_audit(config, "--ocsp-url", url).exit_code == 2, url
    done = igc_audit(config, "--sample", "0", "--ocsp-url", "http://localhost:9")
    assert (done.exit_code, "répondeur http://localhost:9 : ne répond pas" in done.stdout) == (1, True)


def test_an_audit_that_cannot_be_made_is_neither(embedded: Place, tmp_path: Path) -> None:
    embedded.own("authorities_dir", tmp_path)
    config = settings_of(embedded, tmp_path)
    (embedded.authorities_dir / "ACI-EL-ORG-TEST.pem").write_text("rien")
    done = igc_audit(config, "--no-ocsp")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "igc audit : ACI-EL-ORG-TEST : le certificat de l'AC ne se lit pas\n"
    (embedded.authorities_dir / "authorities.json").unlink()
    assert igc_audit(config, "--no-ocsp").exit_code == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///nulle-part.db", "la base de données refuse : le fichier de la base n'existe pas"),
        ("sqlite:///vide.db", "la base de données refuse : ses tables manquent : lancer `igc serve`, qui les crée"),
        ("postgresql://igc@127.0.0.1:9/igc", "la base de données refuse : connexion impossible ou perdue"),
    ],
)
def test_without_a_database(embedded: Place, tmp_path: Path, url: str, words: str) -> None:
    (tmp_path / "vide.db").touch()
    done = igc_audit(settings_of(embedded, tmp_path, database_url=url), "--no-ocsp")
    assert (done.exit_code, done.stderr) == (2, f"igc audit : {words}\n")
    assert not (tmp_path / "nulle-part.db").exists()


def test_pkilint_in_its_own_processes(embedded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is none, twice: signed, and true to a demande that says the same."""
    bad = der.extension(SAN, der.sequence(der.tlv(0x82, b"www..acacias.example"), der.tlv(0x82, b"-.example")))
    forging.with_extension(embedded, "SERV_SSL_SERV", SAN, lambda _: bad)
    monkeypatch.setattr(lint, "_NOT_WORTH_PROCESSES", 0)
    (finding,) = [one for one in embedded.audit(lint=True, processes=2).findings if one.topic == "LINT"]
    assert embedded.certificat("SERV_SSL_SERV").serial in finding.subject
    assert finding.text.count("pkix.invalid_domain_name_syntax") == 2


def test_localhost_is_explained_and_nothing_else(embedded: Place) -> None:
    names = [der.tlv(0x82, b"localhost"), der.tlv(0x82, b"-.example"), der.tlv(0x87, bytes((127, 0, 0, 1)))]
    forging.with_extension(embedded, "TLS_SERVER", SAN, lambda _: der.extension(SAN, der.sequence(*names)))
    assert [one.text for one in embedded.audit(lint=True).findings] == ["error: pkix.invalid_domain_name_syntax"]


def test_the_page_names_every_option_and_every_topic() -> None:
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text("utf-8")
    cells = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|")}
    assert {topic.value for topic in Topic} <= cells
    options = options_of("audit") - {"--config", "-c"}
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE))


@pytest.mark.parametrize("page", [1, 2, 500])
def test_a_sample_is_drawn_without_doubles(embedded: Place, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    read: list[bytes] = []
    monkeypatch.setattr(lint, "_IDS", page)
    monkeypatch.setattr(lint, "PAGE", page)

    def breaches(content: bytes) -> tuple[str, ...]:
        read.append(content)
        return ()

    monkeypatch.setattr(lint, "find_all_breaches", breaches)
    for wanted in (0, 1, 7, 22, 100):
        read.clear()
        lint.check_lint(embedded.prepared(sample=wanted))
        assert len(read) == len(set(read)) == min(wanted, 22)


def test_an_audit_that_breaks_down_is_neither(embedded: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 1 is what Python itself would end with, and means something else here."""

    def broken(_audit: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("audit.run.CHECKS", (broken,))
    done = igc_audit(settings_of(embedded, tmp_path), "--no-ocsp")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("igc audit : contrôle interrompu (ZeroDivisionError)\n")
    assert igc_audit(settings_of(embedded, tmp_path, inconnu=1), "--no-ocsp").exit_code == 2
