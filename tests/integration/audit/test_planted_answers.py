"""The responder is asked over HTTP; whatever it says against the rows is found."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from audit.context import Report
from batch.context import DelegateFiles
from pki.delegates.delegated import signer_file
from pki.delegates.ocsp_signer import RESPONDER
from pki.status.ocsp_response import build_response
from publication.keys import ResponderKeys
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database
from tests.integration.audit.conftest import ORG, PASSPHRASE, PERSONNES, Place
from tests.support.assertions import the
from tests.support.clock import Clock
from tests.support.publications import open_publication
from tests.support.stored import certificate_of

pytestmark = pytest.mark.long

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts the real responder of a place, on a database (the place's own by default), and gives its address."""
    with ExitStack() as stack:

        def start(place: Place, db: Database | None = None, clock: Clock | None = None) -> str:
            publication = open_publication(
                db or place.db,
                place.hierarchy.authorities,
                authorities_dir=place.authorities_dir,
                publication_dir=place.publication,
                responders=DelegateFiles(place.responders, PASSPHRASE),
                clock=clock or place.clock,
            )
            port = stack.enter_context(stack.enter_context(publication).listening())
            return f"http://127.0.0.1:{port}"

        yield start


@pytest.fixture
def stale(embedded: Place, tmp_path: Path) -> Iterator[Database]:
    """A copy of the rows that nobody keeps up to date."""
    db = Database(f"sqlite:///{tmp_path / 'stale.db'}")
    embedded.db.dispose()
    shutil.copyfile(embedded.url.removeprefix("sqlite:///"), tmp_path / "stale.db")
    yield db
    db.dispose()


def found(report: Report) -> list[tuple[str, str]]:
    assert {finding.topic.value for finding in report.findings} <= {"OCSP"}
    return [(finding.subject, finding.text) for finding in report.findings]


def name(place: Place, of: str) -> str:
    row = place.certificat(of)
    return f"{row.autorite} {row.serial}" + (f" (demande n° {place.numeros[of]})" if of in place.numeros else "")


def forget(db: Database, place: Place, of: str) -> None:
    with db.write() as session:
        certificat = tables.Certificat
        session.execute(
            update(certificat).where(certificat.id == place.certificat(of).id).values(revoque_le=None, raison_crl=None)
        )


def test_an_honest_responder(place: Place, serve: Serve) -> None:
    now = place.clock()
    prepared = {"autorite": ORG, "produit": "ORG_SIGN", "tbs": b"\x30\x00", "serial": "56" * 16}
    with place.db.write() as session:
        insert_rows(session, tables.Certificat, [prepared | {"not_before": now, "not_after": now}])
    report = place.audit(ocsp_url=serve(place))
    assert found(report) == []
    assert report.checked["réponses OCSP"] == report.checked["certificats"] == 23


def test_good_for_a_revoked_certificate(embedded: Place, stale: Database, serve: Serve) -> None:
    forget(stale, embedded, "revoked")
    assert found(embedded.audit(ocsp_url=serve(embedded, stale))) == [
        (name(embedded, "revoked"), "le répondeur dit GOOD, la base REVOKED")
    ]


def test_another_reason(embedded: Place, stale: Database, serve: Serve) -> None:
    with stale.write() as session:
        session.execute(
            update(tables.Certificat).where(tables.Certificat.raison_crl == "keyCompromise").values(raison_crl=None)
        )
    assert found(embedded.audit(ocsp_url=serve(embedded, stale))) == [
        (name(embedded, "revoked"), "le répondeur dit une autre date ou une autre raison de révocation que la base")
    ]


def test_a_certificate_that_it_does_not_know(embedded: Place, stale: Database, serve: Serve) -> None:
    with stale.write() as session:
        session.execute(delete(tables.Certificat).where(tables.Certificat.produit == "TLS_SERVER"))
    assert found(embedded.audit(ocsp_url=serve(embedded, stale))) == [
        (name(embedded, "TLS_SERVER"), "le répondeur dit UNKNOWN, la base GOOD")
    ]


def test_a_revocation_made_while_it_is_asked_is_no_fault(
    embedded: Place, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.reading.responder import Responder

    ask, waiting = Responder.ask, [True]

    def slowly(*arguments: Any, **options: Any) -> object:
        if waiting:
            waiting.clear()
            # The page of rows is read already.
            embedded.change(tables.Certificat, "TLS_SERVER", revoque_le=embedded.clock(), raison_crl="superseded")
        return ask(*arguments, **options)

    monkeypatch.setattr(Responder, "ask", slowly)
    assert found(embedded.audit(ocsp_url=serve(embedded))) == []
    assert waiting == []


def test_nobody_there_is_one_finding(embedded: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    assert found(embedded.audit(ocsp_url=url)) == [(f"répondeur {url}", "ne répond pas (ConnectionRefusedError)")]


def test_a_responder_without_its_key_is_one_finding_an_authority(embedded: Place, serve: Serve, tmp_path: Path) -> None:
    signer_file(RESPONDER, embedded.own("responders", tmp_path), ORG).unlink()
    assert found(embedded.audit(ocsp_url=serve(embedded))) == [(f"répondeur de {ORG}", "répond TRY_LATER")]


def test_answers_of_yesterday(embedded: Place, serve: Serve) -> None:
    clock = Clock(embedded.clock() - timedelta(minutes=90))
    # No responder was there yet: the one of today answers with a clock that is late.
    clock.now = embedded.clock()
    url = serve(embedded, clock=clock)
    embedded.clock.advance(minutes=66)
    texts = {text for _, text in found_ocsp(embedded.audit(ocsp_url=url))}
    assert texts == {"sa réponse n'est pas d'aujourd'hui (thisUpdate, nextUpdate)"}


def found_ocsp(report: Report) -> list[tuple[str, str]]:
    return [(finding.subject, finding.text) for finding in report.findings if finding.topic == "OCSP"]


@pytest.mark.parametrize("oid", ["1.3.6.1.5.5.7.48.1.5", "2.5.29.37"])
def test_a_delegate_that_is_none(
    embedded: Place, serve: Serve, oid: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The responder would not start with such a certificate; a forged one does."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from pki.delegates import delegated
    from tests.integration.audit import forging

    file = signer_file(RESPONDER, embedded.own("responders", tmp_path), ORG)
    pem = file.read_bytes()
    with embedded.db.read() as session:
        serial = session.get_one(tables.RepondeurOcsp, ORG).serial
        certificat = tables.Certificat
        (number,) = session.query(certificat.id).filter_by(autorite=ORG, serial=serial).one()
    original = embedded.certificat
    monkeypatch.setattr(embedded, "certificat", lambda of: _row(embedded, number) if of == "delegate" else original(of))
    forging.with_extension(embedded, "delegate", oid, lambda _: None)
    forged = certificate_of(_row(embedded, number))
    key = pem[pem.index(b"-----BEGIN ENCRYPTED") :]
    file.write_bytes(forged.public_bytes(Encoding.PEM) + key)
    monkeypatch.setattr(delegated, "check_profile", lambda _office, _authority, certificate: certificate.public_key())
    findings = found_ocsp(embedded.audit(ocsp_url=serve(embedded)))
    assert findings == [
        (f"répondeur de {ORG}", "le certificat de son signataire n'est pas celui d'un répondeur de l'autorité")
    ]


def _row(place: Place, number: int) -> tables.Certificat:
    with place.db.read() as session:
        return session.get_one(tables.Certificat, number)


def test_the_delegate_of_another_authority(embedded: Place, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer signed by a key that its own authority never delegated to."""
    from publication import maker

    keys = ResponderKeys(embedded.hierarchy.authorities, embedded.responders, PASSPHRASE, embedded.db)
    wrong = the(keys.current(PERSONNES, embedded.clock()))
    monkeypatch.setattr(maker, "build_response", lambda _signer, *rest: build_response(wrong, *rest))
    assert {subject for subject, _ in found(embedded.audit(ocsp_url=serve(embedded)))} == {
        f"répondeur de {ORG}",
        "répondeur de ACI-CARTES-TEST",
    }
