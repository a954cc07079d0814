"""Composition of the SOAP canal: the only functions that other rooms call."""

from __future__ import annotations

from functools import partial

from registration.lot_files import ReadLot
from registration.ports import AuthorityPort
from ws.contract.files import published_files
from ws.contract.model import elements
from ws.serving.files import read_lot_file
from ws.serving.front import SoapFront, WsLimits
from ws.serving.service import SoapService

__all__ = ["SoapFront", "WsLimits", "build_app", "lot_file_reader"]


def build_app(authority: AuthorityPort, *, public_url: str, limits: WsLimits | None = None) -> SoapFront:
    """The canal as an ASGI application. ``public_url`` is its base address as clients see it, e.g. https://host:8443.

    To be served by ``runtime.listening.server``: the client's certificate is expected in the scope's state.
    """
    limits = limits or WsLimits()
    service = SoapService(authority, max_items=limits.max_items, max_bytes=limits.max_bytes, max_wait=limits.max_wait)
    return SoapFront(service, published_files(public_url), limits)


def lot_file_reader(max_items: int) -> ReadLot:
    """The gates of the canal for a lot in a file, of ``max_items`` at the most; a schema not known whole stops here."""
    elements()
    return partial(read_lot_file, max_items=max_items)
