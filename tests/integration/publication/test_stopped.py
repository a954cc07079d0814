"""A plateforme that finds its database to be an older one: no status of a row is told, the files are served."""

from __future__ import annotations

import pytest
from cryptography.x509 import ocsp
from sqlalchemy import delete

from storage import tables
from tests.integration.publication.conftest import Place

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


def test_ocsp_says_try_later_for_every_certificate_and_goes_on_by_itself(place: Place) -> None:
    known = place.issue()
    requests = [place.request(known), place.request(place.issue())]

    def told() -> list[str]:
        return [ocsp.load_der_ocsp_response(place.post(request).body).response_status.name for request in requests]

    for _ in range(3):  # signed, then kept, then known by heart
        assert told() == ["SUCCESSFUL"] * 2
    with place.db.write() as session:
        session.add(tables.Arret(id=1, constate_le=place.clock(), raison="essai"))
    for _ in range(3):
        assert told() == ["TRY_LATER"] * 2
    with place.db.write() as session:
        session.execute(delete(tables.Arret))
    assert told() == ["SUCCESSFUL"] * 2
