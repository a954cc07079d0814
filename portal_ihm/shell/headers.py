"""Security headers of every answer. The portal runs without any script, so the policy allows none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    # Bootstrap draws its form icons as data: images.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS = "max-age=31536000"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def apply_headers(
    headers: MutableHeaders, host: str, *, static: bool = False, policy: str = "", form_action: str = ""
) -> None:
    """Set every header on an answer; static files are revalidated, everything else is not stored.

    ``host`` is the public host name: browsers must not be told to force TLS on a whole loopback name. ``policy`` is
    added to the Content-Security-Policy; ``form_action`` is an origin to which a form of ours may be led on.
    """
    for name, value in _HEADERS.items():
        headers[name] = value
    if form_action:
        headers["Content-Security-Policy"] += f" {form_action}"
    if policy:
        headers["Content-Security-Policy"] += f"; {policy}"
    if host not in _LOOPBACK:
        headers["Strict-Transport-Security"] = _HSTS
    headers["Cache-Control"] = "no-cache" if static else "no-store"


class SecurityHeaders:
    """ASGI middleware: the headers on every answer that passes through it."""

    def __init__(self, app: ASGIApp, host: str, policy: str = "", form_action: str = "") -> None:
        """The parameters as for ``apply_headers``."""
        self._app = app
        self._host, self._policy, self._form_action = host, policy, form_action

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_static = scope["path"].startswith("/static/")
                apply_headers(
                    MutableHeaders(scope=message),
                    self._host,
                    static=is_static,
                    policy=self._policy,
                    form_action=self._form_action,
                )
            await send(message)

        await self._app(scope, receive, send_with_headers)
