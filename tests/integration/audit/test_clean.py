"""Nothing is wrong with a plateforme that nobody touched, and every kind of object was looked at."""

from __future__ import annotations

from tests.integration.audit.conftest import Place


def test_an_honest_plateforme_has_no_fault(place: Place) -> None:
    report = place.audit(lint=True, trail=True)
    assert report.findings == []
    assert report.found.total() == 0
    certificates = 13 + 3 + 3 + 3  # products, the second lot, enrolled ones, OCSP responders
    assert report.checked == {
        "certificats d'AC": 4,
        "certificats": certificates,
        "règles d'unicité": 3,
        "CRL": 8,
        "demandes": 13 + 4 + 3,
        "certificats relus par pkilint": certificates,
    }
