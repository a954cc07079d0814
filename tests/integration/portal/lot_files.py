"""Lots as files, as somebody has them who sends them by the web service elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.serialization import Encoding

from commands.trial.fictitious import HOPITAL
from tests.integration.portal.world import new_csr
from ws.contract.names import CONTRACT_NS, SoapVersion

_NS = f' xmlns="{CONTRACT_NS}"'


def new_csr_text() -> str:
    return base64.b64encode(new_csr().public_bytes(Encoding.DER)).decode()


def item(csr: str, service: str = "Laboratoire", reference: str = "", email: str = "a@acacias.example") -> str:
    named = f"<reference>{escape(reference)}</reference>" if reference else ""
    return (
        f"<demande>{named}<offre>ORG</offre><usage>AUTH_CLI</usage><structure>{HOPITAL}</structure>"
        f"<serviceApplicatif>{escape(service)}</serviceApplicatif><emailActeur>{escape(email)}</emailActeur>"
        f"<csr>{csr}</csr></demande>"
    )


def lot(reference: str, items: Iterable[str], namespace: str = _NS) -> str:
    return f"<lot{namespace}><reference>{escape(reference)}</reference>\n" + "\n".join(items) + "\n</lot>"


def message(content: str, operation: str = "deposerLot") -> str:
    return f"<{operation}{_NS}>{content}</{operation}>"


def envelope(content: str, version: SoapVersion = SoapVersion.V11, header: str = "") -> str:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{version.namespace}">{head}<s:Body>{content}</s:Body></s:Envelope>'
