"""Stored bytes that are damaged are not signed: their demande is prepared anew."""

import contextlib

import pytest
from sqlalchemy import select, update

from batch.issuing import demandes as issuing
from registration.vocabulary import EtatDemande
from storage import tables
from tests.support.world import World


def test_damaged_bytes_of_one_demande_are_made_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    index = world.deposit(*world.forms(3)).index
    numeros = world.numeros(index)

    def lost(*_arguments: object) -> None:
        raise ConnectionError

    # The process dies between the stored bytes and the signatures.
    with monkeypatch.context() as patched:
        patched.setattr(issuing, "_sign", lost)
        with contextlib.suppress(ConnectionError):
            issuing.issue_chunk(world.context, numeros)
    certificat = tables.Certificat
    with world.db.write() as session:
        assert len(session.scalars(select(certificat.tbs).where(certificat.id_demande.in_(numeros))).all()) == 3
        session.execute(update(certificat).where(certificat.id_demande == numeros[1]).values(tbs=b"\x30\x03damaged"))

    assert issuing.issue_chunk(world.context, numeros) == 3

    assert world.etats(index) == [EtatDemande.TRANSMISE] * 3
    acts = world.values(select(tables.PisteAudit.acte).order_by(tables.PisteAudit.numero))
    assert acts.count("ABANDON") == 1
