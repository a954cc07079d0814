"""An active certificate to download, for whoever may follow it (guide §10.2.2, figure 157). It is public data."""

from __future__ import annotations

import base64
import textwrap
from typing import TYPE_CHECKING

from starlette.responses import Response

from pki.containers.pkcs7 import MEDIA_TYPE
from portal_ihm.shell.context import acteur_of, named_numero, portal_of
from portal_ihm.shell.labels import PARIS
from registration.vocabulary import Plateforme

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.views import Telechargement


def download_pkcs7(request: Request) -> Response:
    """The certificate with its chain, PKCS#7 certs-only, DER; 409 ERR_WS_049 unless it is Actif."""
    found = _read(request)
    return _file(request, found, found.pkcs7, "p7b", MEDIA_TYPE)


def download_pem(request: Request) -> Response:
    """The certificate alone as a PEM text; as ``download_pkcs7``."""
    found = _read(request)
    lines = textwrap.fill(base64.b64encode(found.der).decode("ascii"), 64)
    pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
    return _file(request, found, pem.encode("ascii"), "pem", "application/x-pem-file")


def _read(request: Request) -> Telechargement:
    return portal_of(request).authority.produits.download(acteur_of(request), named_numero(request))


def _file(request: Request, found: Telechargement, content: bytes, suffix: str, media_type: str) -> Response:
    """Named as the guide's own files are: plateforme where it is TEST, offre, usage, day and time in Paris."""
    portal, produit = portal_of(request), found.produit
    test = ["TEST"] if portal.authority.plateforme is Plateforme.TEST else []
    usage = produit.usage.value.replace("/", "")
    moment = f"{portal.clock().astimezone(PARIS):%Y%m%d-%H%M%S}"
    name = "-".join(["igc-certificat", *test, produit.offre.value, usage, str(produit.numero), moment])
    return Response(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}.{suffix}"'}
    )
