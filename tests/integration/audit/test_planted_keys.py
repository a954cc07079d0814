"""Weak, shared, listed and blocked keys among the certificates and demandes of a plateforme: found and named."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import insert, select, update

from audit.findings import Finding
from audit.keys.all_keys import check_all_keys
from pki.issuing.signers.software import SoftwareSigner
from registration.revocation.weak_keys import examine_some
from storage import tables
from tests.integration.audit import forging
from tests.integration.audit.conftest import Place
from tests.vectors.csr_cases import PRIME, close_primes, rsa_spki
from tests.vectors.keys import key, key_of, prime

pytestmark = pytest.mark.long


def _found(place: Place, *files: Path, **scope: object) -> list[Finding]:
    audit = replace(place.prepared(**scope), weak_key_files=files)
    check_all_keys(audit)
    assert all(finding.topic == "CLE" for finding in audit.report.findings)
    return audit.report.findings


def test_honest_keys(place: Place) -> None:
    assert _found(place) == []


def test_a_prime_shared_by_two_certificates(embedded: Place) -> None:
    for name, p, q in (("ORG_SIGN", "leaf-p", "leaf-2-q"), ("PS_AUTH", "root-p", "leaf-2-q")):
        forging.with_key(embedded, name, key_of(prime(p), prime(q)))
    found = _found(embedded)
    assert len(found) == 2
    for finding, name in zip(sorted(found, key=lambda one: one.subject), ("ORG_SIGN", "PS_AUTH"), strict=True):
        assert embedded.certificat(name).serial in finding.subject
        assert "facteur premier commun" in finding.text


def test_a_modulus_that_is_a_prime(embedded: Place) -> None:
    public = load_der_public_key(rsa_spki(PRIME))
    forging.with_key(embedded, "ORG_SIGN", SimpleNamespace(public_key=lambda: public))
    (finding,) = [one for one in _found(embedded) if "nombre premier" in one.text]
    assert embedded.certificat("ORG_SIGN").serial in finding.subject


def test_broken_keys_that_were_revoked_and_blocked_are_settled_and_still_break_others(embedded: Place) -> None:
    for name, p, q in (("ORG_SIGN", "leaf-p", "leaf-2-q"), ("PS_AUTH", "root-p", "leaf-2-q")):
        forging.with_key(embedded, name, key_of(prime(p), prime(q)))
    assert len(_found(embedded)) == 2
    assert examine_some(embedded.db, embedded.clock()) > 2
    assert _found(embedded) == []
    forging.with_key(embedded, "ORG_CONF", key_of(prime("root-p"), prime("leaf-q")))
    (finding,) = _found(embedded)
    assert embedded.certificat("ORG_CONF").serial in finding.subject


def test_a_prime_shared_with_a_demande_that_waits(embedded: Place) -> None:
    forging.with_key(embedded, "ORG_SIGN", key_of(prime("leaf-p"), prime("leaf-2-q")))
    spki = rsa_spki(prime("root-p") * prime("leaf-p"))
    waiting = tables.ClePublique.id_demande == embedded.numeros["new"]
    with embedded.db.write() as session:
        session.execute(
            update(tables.ClePublique).where(waiting).values(spki=spki, spki_sha256=hashlib.sha256(spki).digest())
        )
    subjects = {finding.subject for finding in _found(embedded)}
    assert f"demande n° {embedded.numeros['new']}" in subjects
    assert len(subjects) == 2
    # The nightly audit compares what is new; a demande without certificate is for the whole one.
    assert _found(embedded, since=embedded.clock().replace(year=2020)) == []


def test_a_weak_key(embedded: Place) -> None:
    forging.with_key(embedded, "ORG_CONF", key_of(*close_primes()))
    (finding,) = _found(embedded)
    assert embedded.certificat("ORG_CONF").serial in finding.subject
    assert "Fermat" in finding.text


def test_a_blocked_key_in_force_and_not_one_that_is_revoked(place: Place) -> None:
    """The compromised one has been blocked from the beginning, with its certificate revoked."""
    row = place.certificat("ORG_CONF")
    with place.db.write() as session:
        assert session.scalars(select(tables.CleInterdite.spki_sha256)).all() == [
            place.certificat("revoked").spki_sha256
        ]
        session.execute(insert(tables.CleInterdite).values(spki_sha256=row.spki_sha256, cree_le=place.clock()))
    (finding,) = _found(place)
    assert (row.serial in finding.subject, finding.text) == (True, "clé interdite, et pourtant en vigueur")


def test_the_key_of_an_authority(embedded: Place) -> None:
    signer = next(iter(embedded.hierarchy.signers.values()))
    assert isinstance(signer, SoftwareSigner)
    forging.with_key(embedded, "ORG_CONF", signer._key)
    found = _found(embedded)
    assert any(f"clé de l'AC {signer.authority}" in finding.text for finding in found)


def test_a_listed_key(embedded: Place, tmp_path: Path) -> None:
    forging.with_key(embedded, "ORG_CONF", key("leaf"))
    modulus = key("leaf").public_key().public_numbers().n
    digest = hashlib.sha1(f"Modulus={modulus:X}\n".encode()).hexdigest()[-20:]
    listed = tmp_path / "previsibles.txt"
    listed.write_text(f"# liste\n{digest}\n")
    (finding,) = _found(embedded, listed)
    assert embedded.certificat("ORG_CONF").serial in finding.subject
    assert "previsibles.txt" in finding.text
    (finding,) = _found(embedded, tmp_path / "absente.txt")
    assert (finding.subject, finding.text) == ("absente.txt", "la liste de clés prévisibles ne peut pas être lue")
