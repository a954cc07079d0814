"""What a demande says its certificate must hold, and whether the row agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from audit import expected

_ATTRIBUTES = {
    expected.COUNTRY: "country",
    expected.STATE: "state",
    expected.ORGANIZATION: "organization",
    expected.UNIT: "organizational_unit",
    expected.COMMON_NAME: "common_name",
    expected.TITLE: "title",
    expected.SURNAME: "surname",
    expected.GIVEN_NAME: "given_name",
}
_Number = Annotated[int, Meta(ge=0)]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one certificate as they were validated; the names are those of the stored JSON."""

    product: str
    common_name: str
    country: str = "FR"
    state: str | None = None
    organization: str | None = None
    organizational_unit: str | None = None
    title: str | None = None
    surname: str | None = None
    given_name: str | None = None
    dns_names: tuple[str, ...] = ()
    email: str | None = None
    upn: str | None = None
    profession: _Number | None = None
    training: _Number | None = None
    specialities: tuple[str, ...] = ()
    pharmacist_table: str | None = None

    def subject(self) -> Mapping[str, str | None]:
        """The values of the subject by the OID of their attribute."""
        return {oid: getattr(self, name) for oid, name in _ATTRIBUTES.items()}


def product_of(demande: Any) -> str:  # noqa: ANN401 -- a row
    """The product that a demande asks for; S/MIME loses its slash."""
    return f"{demande.offre}_{demande.usage.replace('/', '')}"


def read_statement(demande: Any) -> Statement | None:  # noqa: ANN401 -- a Row
    """The statement of a demande; None when what was validated is not there or cannot be read."""
    try:
        return msgspec.json.decode(demande.contenu or "null", type=Statement)
    except msgspec.MsgspecError:
        return None


def statement_faults(demande: Any, statement: Statement) -> Iterator[str]:  # noqa: ANN401 -- a Row
    """Where the columns of a demande and what was validated of it differ."""
    try:
        fqdns = msgspec.json.decode(demande.fqdns or "[]", type=tuple[str, ...])
    except msgspec.MsgspecError:
        fqdns = ()
    is_person, is_server = demande.offre in {"PS", "PRO"}, demande.usage == "SSL_SERV"
    name = statement.common_name
    pairs = {
        "produit": (statement.product, product_of(demande)),
        "structure": (statement.organizational_unit, demande.id_structure),
        "bénéficiaire": (name if is_person else None, demande.id_beneficiaire),
        "service applicatif": (None if is_person or is_server else name, demande.service_applicatif),
        "premier FQDN": (name if is_server else None, fqdns[0] if fqdns else None),
        "FQDN": (statement.dns_names, fqdns),
        "adresse électronique": (statement.email, demande.adresse_email),
        "adresse comparée": (statement.email and statement.email.lower(), demande.adresse_cle),
        "UPN": (statement.upn, demande.upn),
    }
    for label, (validated, column) in pairs.items():
        if validated != column:
            yield f"demande : {label} de la ligne et du contenu validé diffèrent"
