"""Security headers of every answer. Pages run without any script, so the policy allows none.

The one script of the portal makes keys in the browser; a page that carries it says so (``shell.scripts``), and its
policy alone allows scripts of our own address, and no connection of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT_MARK = "portail-script"
"""The field by which a page asks for its script; it never leaves the portal."""

_POLICY = (
    # Bootstrap draws its form icons as data: images.
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
_SCRIPT = "script-src 'self'; connect-src 'none'"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
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
    carries_script = SCRIPT_MARK in headers
    for name, value in _HEADERS.items():
        headers[name] = value
    if carries_script:
        del headers[SCRIPT_MARK]
        headers["Content-Security-Policy"] = f"{_SCRIPT}; {_POLICY}"
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
