"""What the first certificate of an application will say: it has none yet by which it could ask for one itself."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from pki.certificates.content import CertificateContent, check_content
from pki.errors import CsrError
from pki.keys.csr import accept_csr, decode_csr
from pki.keys.key_policy import KeyPolicy
from registration.acteurs.applications import PRODUCT
from registration.acteurs.perimeter import get_structure
from registration.acteurs.refusals import ActeurRefusedError
from registration.errors import IgcError
from registration.rules.fields import check_service_applicatif
from registration.rules.validation import csr_refusal
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database


class Drawn(NamedTuple):
    """What is to be certified: content, and the key as SubjectPublicKeyInfo (DER)."""

    content: CertificateContent
    spki: bytes


def draw_up(
    db: Database, plateforme: Plateforme, id_structure: str, service: str, csr: bytes, keys: KeyPolicy
) -> Drawn:
    """The content for an application of a structure, and the key of its CSR (PEM, DER or base64).

    ActeurRefusedError for a structure that the directory does not have, and a CSR that no demande could have, a key
    that stands in another demande or certificate among them; ProfileError for a service that no certificate can name.
    """
    try:
        accepted = accept_csr(decode_csr(csr), keys)
        service = check_service_applicatif(service)
    except CsrError as error:
        raise ActeurRefusedError(str(csr_refusal(error))) from None
    except IgcError as error:
        raise ActeurRefusedError(str(error)) from None
    with db.read() as session:
        structure = get_structure(session, plateforme, id_structure)
        _check_unused(session, accepted.spki_sha256)
        content = CertificateContent(
            product=PRODUCT,
            common_name=service,
            state=structure.departement,
            organization=structure.raison_sociale,
            organizational_unit=structure.id_national,
        )
    check_content(content)
    return Drawn(content, accepted.spki)


def _check_unused(session: Session, spki_sha256: bytes) -> None:
    columns = (tables.ClePublique.spki_sha256, tables.Certificat.spki_sha256, tables.CleInterdite.spki_sha256)
    if session.scalar(select(or_(*(exists().where(column == spki_sha256) for column in columns)))):
        raise ActeurRefusedError(
            "la clé de cette CSR a déjà été présentée, certifiée ou interdite : en faire une autre"
        )
