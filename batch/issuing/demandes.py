"""Sign the certificates of a chunk of demandes.

A crash between any two of the five steps leaves rows from which the next run goes on: stored bytes are signed again,
and RSA PKCS#1 v1.5 gives the same certificate, never a second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import msgspec
import structlog
from sqlalchemy import bindparam, select

from batch.context import WorkerContext
from batch.issuing.handover import OPEN, Held, Run, Work, hand_over, take_up
from batch.issuing.storing import store
from pki.certificates.content import CertificateContent
from pki.certificates.serials import new_serial
from pki.errors import LintError, NoIssuerError, ProfileError, SignerError
from pki.issuing.issuance import (
    IssuedCertificate,
    LintedCertificate,
    PreparedCertificate,
    issue,
    lint,
    prepare,
)
from registration.rules.validation import content_of
from registration.vocabulary import Offre, Plateforme, Usage, product_code
from runtime.metrics import catalogue
from runtime.metrics.recording import count
from storage import tables

log = structlog.get_logger()


_demande, _cle, _certificat, _forbidden = tables.Demande, tables.ClePublique, tables.Certificat, tables.CleInterdite
_TO_SIGN = (
    select(
        _demande.id,
        _demande.plateforme,
        _demande.offre,
        _demande.usage,
        _demande.contenu,
        _cle.spki,
        _certificat.tbs,
        _certificat.autorite,
        _certificat.produit,
        _forbidden.spki_sha256.is_not(None),
    )
    .join(_cle, _cle.id_demande == _demande.id)
    .outerjoin(_certificat, _certificat.id_demande == _demande.id)
    .outerjoin(_forbidden, _forbidden.spki_sha256 == _cle.spki_sha256)
    .where(
        _demande.id.in_(bindparam("numeros", expanding=True)),
        _demande.etat.in_(OPEN),
        _demande.etat_produit.is_(None),
    )
    .order_by(_demande.id)
)


def issue_chunk(context: WorkerContext, numeros: Sequence[int], held: Held | None = None) -> int:
    """Sign what of ``numeros`` still waits; gives the number of certificates stored. Safe to run twice or in parallel.

    ``held`` is what owes them: it is claimed in the first transaction, unless it is already, and settled in the last.

    A demande that the profile or the lint refuses becomes Non traitée. Where a signer fails, or an authority has no
    key here, its demandes are left as they are, the others are stored, and SignerError is raised at the end: the
    chunk is still owed then.
    """
    run = Run()
    # Step 1: read what is to be signed.
    work = _read(context, numeros, run)
    # Step 2: prepare serial and bytes of what was never prepared.
    prepared = _prepare(context, work, run)
    # Step 3: one transaction claims them, hands the demandes to the CA core (Transmise) and stores serial and bytes.
    handed = hand_over(context, work, prepared, run, held)
    # Step 4: lint, then sign. The whole chunk is linted before the first signature: in turns, a signature of RSA-4096
    # drives the lint out of the processor's caches and more than doubles its cost.
    issued = _sign_all(context, _lint(context, handed, run), run)
    # Step 5: one transaction stores the certificates (À retirer) and settles what the outbox owed.
    stored = store(context, issued, run, () if run.left or held is None else held.outbox_ids)
    if run.left is not None:
        raise run.left
    return stored


def _read(context: WorkerContext, numeros: Sequence[int], run: Run) -> list[Work]:
    """What is to be signed; apart from it what cannot be, for its key is blocked."""
    with context.db.read() as session:
        rows = session.connection().execute(_TO_SIGN, {"numeros": list(numeros)}).all()
    work: list[Work] = []
    for numero, plateforme, offre, usage, contenu, spki, tbs, autorite, produit, is_blocked in rows:
        if is_blocked:
            # Blocked between validation and now.
            log.error("blocked key refused", numero=numero)
            run.blocked.append(numero)
            continue
        product = product_code(Offre(offre), Usage(usage))
        item = Work(numero, Plateforme(plateforme), product, contenu or {}, spki, None)
        stored = None if tbs is None else take_up(context, item, tbs, autorite, produit)
        work.append(replace(item, stored=stored))
    return work


def _prepare(context: WorkerContext, work: Iterable[Work], run: Run) -> dict[int, PreparedCertificate]:
    prepared: dict[int, PreparedCertificate] = {}
    now = context.clock()
    issuer_of = cache(context.issuer_of)
    for item in work:
        if item.stored is not None:
            continue
        try:
            content = _content(item)
            authority = issuer_of(item.plateforme, content.product)
            prepared[item.numero] = prepare(
                authority, content, item.spki, new_serial(), now, backdate=context.policy.backdate
            )
        except NoIssuerError as error:
            run.left = error
        except (ProfileError, msgspec.ValidationError):
            log.exception("profile refused a demande", numero=item.numero)
            run.refused.append(item.numero)
    return prepared


def _content(item: Work) -> CertificateContent:
    """What was validated; ProfileError when it is for another product than the demande is."""
    content = content_of(item.contenu)
    if content.product != item.product:
        raise ProfileError("product", f"not the one of the demande, {item.product}")
    return content


def _lint(context: WorkerContext, handed: Mapping[int, PreparedCertificate], run: Run) -> dict[int, LintedCertificate]:
    linted: dict[int, LintedCertificate] = {}
    for numero, item in handed.items():
        authority = context.authorities.get(item.issuer)
        if authority is None:
            run.left = NoIssuerError(f"{item.issuer} is not among the authorities any more")
            continue
        try:
            linted[numero] = lint(item, authority)
        except LintError as error:
            log.exception("lint refused a certificate", numero=numero, findings=error.findings)
            run.refused.append(numero)
    return linted


def _sign_all(
    context: WorkerContext, linted: Mapping[int, LintedCertificate], run: Run
) -> dict[int, IssuedCertificate]:
    """A signer that fails once is not asked again in this run; the others go on."""
    issued: dict[int, IssuedCertificate] = {}
    silent: set[str] = set()
    for numero, item in linted.items():
        name = item.prepared.issuer
        if name in silent:
            continue
        try:
            issued[numero] = _sign(context, item)
        except SignerError as error:
            count(catalogue.SIGNER_FAILURES)
            silent.add(name)
            run.left = error
    return issued


def _sign(context: WorkerContext, item: LintedCertificate) -> IssuedCertificate:
    signer = context.signers.get(item.prepared.issuer)
    if signer is None:
        raise NoIssuerError(f"no key of {item.prepared.issuer} here")
    return issue(item, signer)
