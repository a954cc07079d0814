"""Stored bytes that are damaged cost their own demande and no other."""

import contextlib

from sqlalchemy import select, update

from batch import issuing
from registration.vocabulary import EtatDemande
from storage import tables


def test_damaged_bytes_of_one_demande_do_not_sink_its_chunk(world, monkeypatch):
    index = world.deposit(*world.forms(3)).index
    numeros = world.numeros(index)

    def lost(*_arguments):
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

    assert issuing.issue_chunk(world.context, numeros) == 2

    assert world.etats(index) == [EtatDemande.TRANSMISE, EtatDemande.NON_TRAITEE, EtatDemande.TRANSMISE]
