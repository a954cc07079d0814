"""One demande placed on the portal, through its real form, so that both canals stand in one history."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr
from lxml import html

from clients.keys.many import KeyTarget, make_keys
from commands.demo.items import CONTACT
from commands.trial.fictitious import HOPITAL


def place_demande(url: str, certificate: tuple[Path, Path], root: Path, folder: Path, label: str) -> str:
    """Fill in the ORG form like a person would; gives the number of the demande, from the confirmation's address."""
    (csr,) = make_keys([KeyTarget(folder=folder, stem="demande-portail", common_name=label)], workers=1)
    with requests.Session() as session:
        session.trust_env = False  # a CA bundle named in the environment would replace ours
        session.verify = str(root)
        session.cert = (str(certificate[0]), str(certificate[1]))
        page = session.get(f"{url}/demander", timeout=30)
        page.raise_for_status()
        document: Any = html.document_fromstring(page.content)  # the stubs know no forms
        form = document.forms[-1]
        data = {name: value for name, value in form.form_values() if name != "csr"}
        data |= {
            "structure": HOPITAL,
            "usage": "AUTH_CLI",
            "service_applicatif": label,
            "email_acteur": CONTACT,
        }
        pem = load_der_x509_csr(csr).public_bytes(Encoding.PEM)
        answer = session.post(
            f"{url}/demander", data=data, files={"csr": ("demande.csr", pem)}, headers={"Origin": url}, timeout=30
        )
        answer.raise_for_status()
        return urlsplit(answer.url).path.split("/")[2]
