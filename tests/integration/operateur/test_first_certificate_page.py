"""The chapter « De la base vide au premier certificat » is played as it stands: its files, its commands, a PRODUCTION."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509

from audit.context import Audit
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from runtime.clock import system_clock
from runtime.settings.model import Settings
from storage.database import Database
from tests.integration.operateur.production_desk import Desk, blocks_of
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.smtp_sink import SmtpSink

pytestmark = [pytest.mark.long, pytest.mark.needs("openssl", "sqlite3"), pytest.mark.timeout(500)]

BLOCKS = blocks_of("De la base vide au premier certificat")
TWO_ACCOUNTS = blocks_of("Deux comptes sur PostgreSQL")
_MODEL_AS_IT_IS = """\
mkdir brouillon && cp *.toml *.txt brouillon && cd brouillon
sed -i 's/^plateforme = .*/plateforme = "PRODUCTION"/' ceremonie.toml
igc ceremony run ceremonie.toml
"""
# One line of the chapter changed, and what `igc check-config` must then name.
REFUSED_ON_PRODUCTION = {
    "the texts of TEST": ('cgu_file = "cgu.txt"\n', "", "textes.cgu_file"),
    "no version of a text": ('pc_version = "1.0"\n', "", "textes.pc_version"),
    "no list of weak keys": ('weak_key_files = ["cles-previsibles.txt"]\n', "", "pki.weak_key_files"),
    "a clock that is ahead": ('data_dir = "var"\n', 'data_dir = "var"\nclock_shift_seconds = 60\n', "clock_shift"),
    "a mailer elsewhere without TLS": ('host = "localhost"\n', 'host = "smtp.acacias-sante.fr"\n', "notices.smtp"),
    "a database elsewhere without TLS": (
        'data_dir = "var"\n',
        'data_dir = "var"\ndatabase_url = "postgresql://igc@bd.acacias-sante.fr/igc"\n',
        "database_url",
    ),
}


def play(desk: Desk, mails: SmtpSink, blocks: Sequence[tuple[str, str]] = BLOCKS) -> None:
    """The blocks in their order; what follows `igc serve` is typed while it runs."""
    serve = next(rank for rank, (kind, text) in enumerate(blocks) if (kind, text) == ("sh", "igc serve\n"))
    for kind, text in blocks[:serve]:
        if kind != "sh":
            desk.write(text)
            continue
        if "ceremony run" in text:
            assert "EXEMPLE" in desk.run(_MODEL_AS_IT_IS, fails=True), "what is invented is refused"
            desk.replace_what_is_invented()
        shown = desk.run(text)
        if "enroll" in text:
            assert "10B0990011/DPI : reconnue par ACI-EL-ORG" in shown
    with desk.serving("igc serve"):
        wait_until(lambda: desk.is_listening(desk.here["8443"]), seconds=60, what="the web service")
        wait_until(lambda: desk.is_listening(desk.here["8444"]), seconds=60, what="the portal")
        for kind, text in blocks[serve + 1 :]:
            if kind != "sh":
                desk.write(text)
                continue
            shown = desk.run(text)
            if "openssl verify" in text:
                assert "certificats/portail.pem: OK" in shown
                wait_until(lambda: len(mails.mails) >= 3, seconds=60, what="the notices")
    assert {mail["To"] for mail in mails.mails} == {"si@acacias-sante.fr"}
    assert all("ne-pas-repondre@acacias-sante.fr" in mail["From"] for mail in mails.mails)


def test_the_chapter_leads_to_a_certificate(tmp_path: Path) -> None:
    with SmtpSink() as mails:
        desk = Desk(tmp_path, {"25": str(mails.port)})
        play(desk, mails)
    leaf = x509.load_pem_x509_certificates((tmp_path / "certificats" / "portail.pem").read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["portail.acacias-sante.fr"]
    assert audited(tmp_path) == []
    refuses_what_has_no_place_on_production(desk)


@pytest.fixture
def open_to_others(postgres_server: PostgresServer) -> Iterator[None]:
    """Whoever types the chapter is not the account of the server, and reaches its socket all the same."""
    mode = postgres_server.folder.stat().st_mode
    postgres_server.folder.chmod(0o711)
    yield
    postgres_server.folder.chmod(mode)


@pytest.mark.usefixtures("open_to_others")
def test_the_chapter_leads_to_a_certificate_on_postgresql_with_two_accounts(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """The tables belong to another account than the one of the plateforme, as the page says to do it."""
    (sql,) = [text for kind, text in TWO_ACCOUNTS if kind == "sql"]
    (settings,) = [text for kind, text in TWO_ACCOUNTS if kind == "toml"]
    make_accounts(postgres_server, _for_the_acacias(sql))
    base = f"/acacias?host={postgres_server.folder}"
    there = re.sub(r"(\w+)@bd\.igc\.example/igc\?[^\"]*", rf"\1@{base}", settings)
    there = re.sub(r"//igc(\w*)@", r"//acacias\1@", there)
    owner = f"postgresql://acacias_proprietaire@{base}"
    instead = (
        ("# igc.toml\n", f"# igc.toml\n{there}"),
        ("igc ceremony run", "igc migrate --config igc.toml\nigc ceremony run"),
        (
            'sqlite3 var/igc.db ".backup sauvegarde/igc.db"',
            f"pg_dump --format=custom --file sauvegarde/igc.dump '{owner}'",
        ),
    )
    blocks = list(BLOCKS)
    for here, other in instead:
        assert sum(here in text for _, text in blocks) == 1
        blocks = [(kind, text.replace(here, other)) for kind, text in blocks]
    # A second database to restore into would be another server's here.
    assert "reprise" in blocks.pop()[1]
    with SmtpSink() as mails:
        desk = Desk(tmp_path, {"25": str(mails.port)})
        desk.also_find_programs_in(postgres_server.programs)
        for name in ("bd.secret", "bd-proprietaire.secret"):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text("...\n")
        play(desk, mails, blocks)
    assert "historique" in desk.run("pg_restore --list sauvegarde/igc.dump")
    with (
        psycopg.connect(f"postgresql://acacias@{base}") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM historique")
    assert audited(tmp_path) == []


def _for_the_acacias(sql: str) -> str:
    """The same accounts and base under names of their own: the server of the tests has an account igc."""
    return re.sub(r"\bigc(_proprietaire)?\b", r"acacias\1", sql)


def make_accounts(server: PostgresServer, sql: str) -> None:
    """What psql would do with these lines: those after \\c in the base that it names."""
    before, _, after = sql.partition("\\c acacias\n")
    for database, lines in (("postgres", before), ("acacias", after)):
        with psycopg.connect(host=str(server.folder), user="igc", dbname=database, autocommit=True) as connection:
            for statement in re.sub(r"--.*", "", lines).split(";"):
                if statement.strip():
                    connection.execute(statement.encode())


def refuses_what_has_no_place_on_production(desk: Desk) -> None:
    path = desk.folder / "igc.toml"
    right = path.read_text(encoding="utf-8")
    for why, (line, changed, key) in REFUSED_ON_PRODUCTION.items():
        assert line in right, why
        path.write_text(right.replace(line, changed), encoding="utf-8")
        assert key in desk.run("igc check-config", fails=True), why
    path.write_text(right, encoding="utf-8")


def audited(folder: Path) -> list[str]:
    """What the auditor finds wrong with what was done."""
    settings = Settings.load(folder / "igc.toml")
    db = Database(settings.database_dsn())
    try:
        audit = Audit(
            db=db,
            authorities=load_authorities(settings.pki.authorities_dir),
            publication_dir=settings.pki.publication_dir,
            crl_refresh=timedelta(minutes=settings.pki.crl_refresh_minutes),
            clock=system_clock,
        )
        for check in CHECKS:
            check(audit)
    finally:
        db.dispose()
    return [f"{one.topic} {one.subject} : {one.text}" for one in audit.report.findings]
