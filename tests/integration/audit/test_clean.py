"""Nothing is wrong with a plateforme that nobody touched, and every kind of object was looked at."""

from __future__ import annotations

import hashlib

import pytest

from audit.reading.rows import certified_keys
from storage import tables
from tests.integration.audit.conftest import Place
from tests.support.bad_items import BAD_ITEMS

pytestmark = pytest.mark.long


def test_an_honest_plateforme_has_no_fault(place: Place) -> None:
    report = place.audit(lint=True, trail=True)
    assert report.findings == []
    assert report.found.total() == 0
    certificates = 13 + 3 + 3 + 3  # products, the second lot, enrolled ones, OCSP responders
    told = report.checked.pop("lignes de piste")
    assert told > certificates / 2
    assert report.checked == {
        "certificats d'AC": 4,
        "certificats": certificates,
        "clés certifiées": certificates,
        "clés comparées entre elles": certificates + 13 + 4 + 3 - 2,  # the rejected and the given up returned theirs
        "règles d'unicité": 3,
        "CRL": 8,
        "demandes": 13 + 4 + 3,
        "lots": 3,
        "renouvellements": 0,
        "certificats relus par pkilint": certificates,
        "scellements": 0,
    }


def test_refused_items_of_every_kind_are_no_fault(place: Place) -> None:
    bad = [place.world.form(each.product, 80, **each.changes) for each in BAD_ITEMS.values()]
    place.world.with_policy(max_items=100, at_once=100).deposit(*bad, reference="fautif")
    before = place.audit(lint=False, trail=True)
    assert before.findings == []


def test_every_certified_key_is_handed_to_who_judges_keys(embedded: Place) -> None:
    with embedded.db.read() as session:
        rows = session.query(tables.Certificat).order_by(tables.Certificat.id).all()
    named = [(name.split(" ")[1], hashlib.sha256(spki).digest()) for name, spki in certified_keys(embedded.db)]
    assert named == [(row.serial, row.spki_sha256) for row in rows]
    embedded.change(tables.Certificat, "ORG_SIGN", der=b"\x30\x03no!")
    assert len(list(certified_keys(embedded.db))) == len(rows) - 1
