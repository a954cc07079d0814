"""zeep, as a partner would use it; the one place of the tests that touches its half of types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
import zeep
from zeep.transports import Transport


def zeep_client(wsdl: str, session: requests.Session | None = None, plugins: Sequence[Any] = ()) -> Any:
    """A client made from a WSDL, a file or an address."""
    transport = Transport(session=session)  # type: ignore[no-untyped-call]  # zeep has no types
    return zeep.Client(wsdl, transport=transport, plugins=list(plugins))  # type: ignore[no-untyped-call]  # idem


def zeep_service(client: Any, address: str) -> Any:
    """The first binding of the WSDL, called at ``address``."""
    return client.create_service(next(iter(client.wsdl.bindings)), address)
