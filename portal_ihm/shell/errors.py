"""Refusals as French pages: one table from error to status, one opaque page for what was not foreseen.

Every page carries a reference that also stands in the log, so that a support call finds its line.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from portal_ihm.shell.context import is_door_of_cards
from portal_ihm.shell.labels import refusal_text
from portal_ihm.shell.rendering import render
from registration.errors import TEXTS, AccessError, Code, ConflictError, IgcError, NotFoundError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

_RESTART = (
    "Fermez toutes les fenêtres du navigateur, rouvrez-le, puis revenez à cette adresse : le navigateur proposera à "
    "nouveau le choix du certificat."
)
_ADVICE: dict[Code, tuple[str, ...]] = {
    Code.LOGIN_FAILED: (
        "Insérez votre carte dans le lecteur, ou installez votre certificat logiciel dans le navigateur.",
        _RESTART,
        "Choisissez votre certificat d'authentification quand le navigateur le demande, puis saisissez son code.",
    ),
    Code.WORKSTATION_UNFIT: (
        "Insérez votre carte dans le lecteur, et vérifiez que celui-ci est branché et reconnu par le poste.",
        "Installez la Cryptolib CPS, ou sa version récente, puis redémarrez le navigateur.",
        "Sous Linux, ajoutez le module de la carte au navigateur ; Pro Santé Connect est plus simple.",
        (
            "Choisissez le certificat de la carte quand le navigateur le demande : s'il a été écarté une fois, le "
            "navigateur ne le propose plus avant d'avoir été fermé."
        ),
    ),
    Code.SUBJECT_REFUSED: (
        "Vérifiez auprès de Pro Santé Connect que votre compte porte votre identifiant national.",
        "Connectez-vous avec votre carte, si vous en avez une.",
    ),
    Code.CERTIFICATE_REFUSED: (
        "Vérifiez que vous avez choisi votre certificat d'authentification, et non un certificat de signature.",
        _RESTART,
    ),
    Code.CERTIFICATE_REVOKED: (
        "Demandez le remplacement de votre carte ou de votre certificat logiciel.",
        "Si vous disposez d'un autre certificat en vigueur, présentez-le. " + _RESTART,
    ),
    Code.CERTIFICATE_WRONG_PLATEFORME: (
        "Une carte de test n'ouvre que la plateforme TEST, une carte réelle que la plateforme PRODUCTION.",
        _RESTART,
    ),
    Code.ACTEUR_UNKNOWN: (
        "Demandez votre inscription, ou celle du nouveau certificat de votre application, à la plateforme.",
        "Une carte CPx n'a pas à être inscrite : présentez-la si vous en avez une.",
        "Votre certificat lui-même est valable : il est inutile de le renouveler.",
    ),
    Code.NO_RIGHT: ("Demandez une habilitation au gestionnaire des habilitations de votre structure.",),
    Code.RETRAIT_NOT_REQUESTER: (
        "Si le mail du retrait ne vous était pas adressé, transmettez-le à qui a fait la demande.",
        "Si vous avez fait cette demande, connectez-vous avec la carte de ce moment-là, ou pour le même tiers.",
        "Si cette personne ne peut plus la retirer, annulez la demande depuis le suivi et faites-en une autre.",
    ),
    Code.HABILITATION_MISSING: (
        "Demandez l'habilitation au gestionnaire des habilitations de la structure.",
        "Avoir envoyé une demande ne suffit pas pour la lire : il faut en avoir le droit au moment de la lecture.",
    ),
    Code.REVOCATION_STATUS_UNAVAILABLE: (
        "Rien n'est à corriger de votre côté : revenez dans quelques minutes.",
        "Si le refus dure, signalez-le avec la référence ci-dessous.",
    ),
}
_CARD_ADVICE = (
    "Vérifiez que votre carte est bien dans le lecteur, puce du bon côté.",
    "Vérifiez que le lecteur est branché, installé et reconnu par le poste.",
    "Contrôlez le poste : la page « Vérifier mon poste » dit ce qui manque.",
    _RESTART,
)
_RETRY_SECONDS = "5"
_UNAVAILABLE = {Code.REVOCATION_STATUS_UNAVAILABLE, Code.BUSY}

_LOGGED_PATH = 200

_HTTP_TEXTS: dict[int, tuple[str, str]] = {
    400: ("Requête refusée", "Le portail n'a pas compris cette requête."),
    403: ("Accès refusé", "Vous ne pouvez pas ouvrir cette page."),
    404: ("Page introuvable", "Aucune page ne se trouve à cette adresse."),
    405: ("Action impossible", "Cette page ne peut pas être appelée de cette façon."),
    413: ("Envoi trop volumineux", "Le fichier envoyé est trop volumineux : une CSR pèse quelques kilo-octets."),
}


def access_page(request: Request, error: AccessError) -> Response:
    """Why this person may not come in, and what to do about it."""
    status = 503 if error.code in _UNAVAILABLE else 403
    incident = _record(request, status, code=error.code.value)
    advice = _ADVICE.get(error.code, ("Signalez ce refus au gestionnaire des habilitations.",))
    if error.code is Code.LOGIN_FAILED and is_door_of_cards(request):
        advice = _CARD_ADVICE
    return render(request, "login/acces.html", status=status, error=error, advice=advice, incident=incident)


def refused_login_page(request: Request, *, reason: str, is_away: bool, suite: str) -> Response:
    """Pro Santé Connect has let nobody in (figure 23), or is away; ``reason`` is for the log."""
    incident = _record(request, 503 if is_away else 403, code=Code.LOGIN_FAILED.value, why=reason)
    page = render(
        request,
        "login/psc.html",
        status=503 if is_away else 403,
        text=TEXTS[Code.LOGIN_FAILED],
        code=Code.LOGIN_FAILED.value,
        is_away=is_away,
        suite=suite,
        incident=incident,
    )
    if is_away:
        page.headers["Retry-After"] = _RETRY_SECONDS
    return page


def session_over_page(request: Request) -> Response:
    """A form that came after its session: what to do, and that nothing was done."""
    text = "Ce que ce formulaire demandait n'a pas été fait. Connectez-vous à nouveau, puis recommencez."
    return _page(request, 403, "Votre session est terminée", text)


def refusal_page(request: Request, error: IgcError) -> Response:
    """A refusal that no form on screen can carry."""
    status, title = 400, "Action refusée"
    if isinstance(error, NotFoundError):
        status, title = 404, "Demande introuvable"
    elif isinstance(error, ConflictError):
        status, title = 409, "Action impossible"
    elif error.code in _UNAVAILABLE:
        status, title = 503, "Service momentanément indisponible"
    page = _page(request, status, title, refusal_text(error), code=error.code.value)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        page.headers["Retry-After"] = _RETRY_SECONDS
    return page


def http_page(request: Request, status: int, *, text: str | None = None) -> Response:
    """The page of an HTTP status, ``text`` instead of its usual sentence."""
    title, usual = _HTTP_TEXTS.get(status, _HTTP_TEXTS[400])
    return _page(request, status, title, text or usual)


async def on_refusal(request: Request, error: Exception) -> Response:
    """Starlette's handler of every ``IgcError``."""
    if isinstance(error, AccessError):
        return access_page(request, error)
    if isinstance(error, IgcError):
        return refusal_page(request, error)
    raise error


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's handler of its own 404, 405, 400 and 413."""
    if not isinstance(error, HTTPException):
        raise error
    response = http_page(request, error.status_code)
    response.headers.update(error.headers or {})
    return response


class CrashPage:
    """ASGI middleware: whatever was not foreseen becomes a page that tells nothing but a reference.

    Starlette's own handler would raise the error once more after the page, and the server then hang up on a client
    that already has its answer. Once an answer has begun (a CSV), breaking the connection is all that is left.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand around everything but the security headers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer in its place when it crashes."""
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception:
            incident = secrets.token_hex(6)
            log.exception("portal incident", incident=incident, path=_short(scope.get("path", "")))
            if started or scope["type"] != "http":
                raise
            page = render(
                Request(scope), "shell/incident.html", status=500, code=Code.INTERNAL.value, incident=incident
            )
            await page(scope, receive, send)


def _page(request: Request, status: int, title: str, text: str, *, code: str | None = None) -> Response:
    incident = _record(request, status, code=code)
    return render(request, "shell/erreur.html", status=status, title=title, text=text, code=code, incident=incident)


def _short(path: str) -> str:
    """A path for the log, of which anybody could otherwise fill 32 KiB with one request."""
    return path[:_LOGGED_PATH]


def _record(request: Request, status: int, *, code: str | None, **more: str) -> str:
    incident = secrets.token_hex(6)
    path = _short(request.scope["path"])
    log.info("portal refusal", incident=incident, status=status, refusal=code, path=path, **more)
    return incident
