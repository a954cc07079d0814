"""Against a real SMTP server: TLS that is verified, refusals, greylisting, a line that is cut, doubles that are known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.mailing.smtp import Smtp
from batch.mailing.transport import TransportError
from registration.notices.taking import take
from runtime.secret_file import SecretFile
from runtime.settings.notices import SmtpSettings
from tests.integration.notices.world import ACTEUR, INFORME, NoticeWorld, text_of
from tests.support.pairs import Pair
from tests.support.queue_server import free_port
from tests.support.slapd import self_signed
from tests.support.smtp_sink import HOST, SmtpSink

LOGIN = ("igc", "mot-de-passe-du-compte")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return self_signed(tmp_path_factory.mktemp("smtp"), "serveur")


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


_open: list[Smtp] = []


@pytest.fixture(autouse=True)
def _hung_up(sink: SmtpSink) -> Iterator[None]:
    yield
    while _open:
        _open.pop().rest()


def smtp(port: int, **values: Any) -> Smtp:
    """A way to that port, hung up when the test ends, before its server stops."""
    one = Smtp(SmtpSettings(**{"host": HOST, "port": port, "security": "none", "timeout_seconds": 20, **values}))
    _open.append(one)
    return one


def etats(world: NoticeWorld) -> dict[str, tuple[str, str | None]]:
    return {row.destinataire: (row.etat, row.reponse) for row in world.avis() if row.destinataire}


def test_mails_arrive_whole_over_one_verified_connection(world: NoticeWorld, pair: Pair, tmp_path: Path) -> None:
    secret = tmp_path / "smtp.secret"
    secret.touch(mode=0o600)
    secret.write_text(LOGIN[1])
    numeros = [world.place(world.form(key=rank, email_informe=INFORME)) for rank in range(5)]
    with SmtpSink((str(pair.certificate), str(pair.key)), login=LOGIN) as sink:
        transport = smtp(
            sink.port, security="starttls", ca_file=pair.certificate, user=LOGIN[0], password_file=SecretFile(secret)
        )
        world.send_mails(world.mailer(transport))
        transport.rest()
    assert sink.over_tls == {True: 10}
    assert sink.connections == 1
    assert sorted(int(mail["Subject"].rpartition(" ")[2]) for mail in sink.mails) == sorted(numeros * 2)
    assert all("Médecin" in text_of(mail) or "validée" in text_of(mail) for mail in sink.mails)
    assert all(mail["From"] == '"Émetteur (TEST)" <avis@igc.example>' for mail in sink.mails)
    assert set(etats(world).values()) == {("ENVOYE", "pris par le serveur")}


def test_a_server_that_is_not_the_one_gets_nothing(world: NoticeWorld, pair: Pair, tmp_path: Path) -> None:
    world.place()
    other = self_signed(tmp_path, "autre")
    with SmtpSink((str(pair.certificate), str(pair.key))) as sink:
        for ca in (other.certificate, None):
            world.mailer(smtp(sink.port, security="starttls", ca_file=ca)).run_once()
        assert sink.mails == []
    assert etats(world) == {ACTEUR: ("A_ENVOYER", None)}


def test_without_starttls_nothing_goes_in_clear(world: NoticeWorld, sink: SmtpSink, pair: Pair) -> None:
    world.place()
    world.mailer(smtp(sink.port, security="starttls", ca_file=pair.certificate)).run_once()
    assert sink.mails == []


def test_a_refused_destinataire_is_recorded_and_stops_nobody(world: NoticeWorld, sink: SmtpSink) -> None:
    world.place(world.form(email_informe=INFORME))
    sink.rcpt[ACTEUR] = ["550 5.1.1 boîte\tinconnue"]
    world.send_mails(world.mailer(smtp(sink.port)))
    found = etats(world)
    assert found[ACTEUR][0] == "REFUSE"
    assert (found[ACTEUR][1] or "").startswith("550 5.1.1 ")
    assert found[INFORME][0] == "ENVOYE"
    world.clock.advance(days=2)
    world.send_mails(world.mailer(smtp(sink.port)))
    assert len(sink.mails) == 1


@pytest.mark.parametrize("where", ["rcpt", "data"])
def test_what_is_put_off_comes_later_with_the_same_message_id(world: NoticeWorld, sink: SmtpSink, where: str) -> None:
    world.place()
    getattr(sink, where)[ACTEUR] = ["451 4.7.1 revenez plus tard"] * 3
    mailer = world.mailer(smtp(sink.port))
    waits = []
    for _ in range(3):
        mailer.run_once()
        (row,) = [row for row in world.avis() if row.destinataire]
        assert (row.etat, row.reponse) == ("A_ENVOYER", "451 4.7.1 revenez plus tard")
        waits.append(row.du_le - world.clock.now)
        world.clock.now = row.du_le
    assert waits == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    mailer.run_once()
    assert len(sink.mails) == 1


def test_what_is_put_off_for_days_is_given_up(world: NoticeWorld, sink: SmtpSink) -> None:
    world.place()
    sink.rcpt[ACTEUR] = ["451 plus tard"] * 2
    mailer = world.mailer(smtp(sink.port))
    mailer.run_once()
    world.clock.advance(days=5)
    mailer.run_once()
    assert etats(world) == {ACTEUR: ("REFUSE", "451 plus tard")}


def test_a_line_cut_in_the_middle_of_a_mail_lets_the_others_go_first(world: NoticeWorld, sink: SmtpSink) -> None:
    world.place(world.form(email_acteur="coupe@acacias.example"))
    world.place(world.form(key=1))
    sink.cut = {"coupe@acacias.example"}
    mailer = world.mailer(smtp(sink.port))
    mailer.run_once()
    world.clock.advance(seconds=10)
    mailer.run_once()
    assert [mail["To"] for mail in sink.mails] == [ACTEUR]
    sink.cut = set()
    world.clock.advance(minutes=2)
    mailer.run_once()
    assert {etat for etat, _ in etats(world).values()} == {"ENVOYE"}


@pytest.mark.long
def test_nobody_listening_costs_no_notice_and_is_asked_ever_less_often(world: NoticeWorld) -> None:
    world.place()
    mailer = world.mailer(smtp(free_port()))
    tries = 0
    for _ in range(600):
        mailer.run_once()
        tries = max(row.essais for row in world.avis())
        world.clock.advance(seconds=1)
    assert 5 <= tries <= 8  # after 5, 10, 20, 40, 80, 160 and 320 seconds
    assert etats(world) == {ACTEUR: ("A_ENVOYER", None)}


def test_two_senders_at_once_send_each_notice_once(world: NoticeWorld, sink: SmtpSink) -> None:
    numeros = [world.place(world.form(key=rank)) for rank in range(30)]

    def send() -> None:
        world.send_mails(world.mailer(smtp(sink.port)))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(mail["Subject"].rpartition(" ")[2]) for mail in sink.mails) == numeros


def test_a_sender_that_died_before_it_could_record_leaves_a_double_that_is_known(
    world: NoticeWorld, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.place()
    with monkeypatch.context() as patched:
        patched.setattr("batch.mailing.mailer.settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.mailer(smtp(sink.port)).run_once()
    assert take(world.db, world.plateforme, world.clock(), timedelta(minutes=1), 10) == ()  # it was his
    world.clock.advance(minutes=16)
    world.send_mails(world.mailer(smtp(sink.port)))
    assert len(sink.mails) == 2
    assert len({mail["Message-ID"] for mail in sink.mails}) == 1


def test_an_answer_that_comes_too_late_settles_nothing(world: NoticeWorld) -> None:
    from registration.notices.taking import Outcome, settle
    from registration.vocabulary import EtatAvis

    world.place()
    (first,) = take(world.db, world.plateforme, world.clock(), timedelta(minutes=1), 10)
    world.clock.advance(minutes=2)
    (second,) = take(world.db, world.plateforme, world.clock(), timedelta(minutes=1), 10)
    settle(world.db, [Outcome(first.id, first.essais, EtatAvis.REFUSED, "550", world.clock())], world.clock())
    assert etats(world) == {ACTEUR: ("A_ENVOYER", None)}
    settle(world.db, [Outcome(second.id, second.essais, EtatAvis.SENT, "250", world.clock())], world.clock())
    assert etats(world) == {ACTEUR: ("ENVOYE", "250")}


def test_tls_from_the_first_moment_is_never_plain(pair: Pair, sink: SmtpSink) -> None:
    transport = smtp(sink.port, security="tls", ca_file=pair.certificate)
    from email.message import EmailMessage

    with pytest.raises(TransportError):
        transport.deliver(EmailMessage(), "x")
    assert sink.connections == 0
