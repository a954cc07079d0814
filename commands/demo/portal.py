"""One demande placed on the portal, through its real forms, so that both canals stand in one history."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr
from lxml import html

from clients.keys.many import KeyTarget, make_keys
from commands.demo.items import CONTACT
from commands.trial.fictitious import HOPITAL

_PATIENCE = 30


def place_demande(url: str, certificate: tuple[Path, Path], root: Path, folder: Path, label: str) -> str:
    """Go through the steps of offre ORG like a person would; gives the number of the demande, from its last page."""
    (csr,) = make_keys([KeyTarget(folder=folder, stem="demande-portail", common_name=label)], workers=1)
    pem = load_der_x509_csr(csr).public_bytes(Encoding.PEM)
    with requests.Session() as session:
        session.trust_env = False  # a CA bundle named in the environment would replace ours
        session.verify = str(root)
        session.cert = (str(certificate[0]), str(certificate[1]))
        walk = _Walk(session, url)
        walk.open("/demander")
        walk.send("/demander", offre="ORG")
        walk.send("etape-1", offre="ORG", structure=HOPITAL)
        walk.send("etape-2", action="nouveau")
        walk.send("etape-3", usage="AUTH_CLI", action="usage")
        walk.send("etape-3", usage="AUTH_CLI", service_applicatif=label, email_acteur=CONTACT)
        walk.send("etape-4", file=("demande.csr", pem))
        walk.send("finalisation")
        (numero,) = walk.page.xpath("//*[contains(@class, 'alert-success')]//strong/text()")
        return str(numero).removeprefix("numéro ")


class _Walk:
    """From page to page: each form goes back with its hidden fields."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session, self._url, self._at = session, url, url
        self.page: Any = None  # the stubs know no forms

    def open(self, path: str) -> None:
        self._shown(self._session.get(urljoin(self._at, path), timeout=_PATIENCE))

    def send(self, path: str, *, file: tuple[str, bytes] | None = None, **fields: str) -> None:
        """Fill in the form that is sent to ``path``; LookupError when the page has none."""
        target = urljoin(self._at, path)
        form = next((one for one in self.page.forms if urljoin(self._at, one.action or "") == target), None)
        if form is None:
            raise LookupError(f"{self._at}: no form for {path}")
        hidden = {one.name: one.value for one in form.inputs if getattr(one, "type", "") == "hidden"}
        files = None if file is None else {"csr": file}
        headers = {"Origin": self._url}
        answer = self._session.post(target, data=hidden | fields, files=files, headers=headers, timeout=_PATIENCE)
        self._shown(answer)

    def _shown(self, answer: requests.Response) -> None:
        answer.raise_for_status()
        self._at, self.page = answer.url, html.document_fromstring(answer.content)
