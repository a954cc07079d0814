"""Mutual TLS and the way out: every message is checked against the XSD, nothing of it is ever logged."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from lxml import etree
from requests.adapters import HTTPAdapter
from zeep.transports import Transport
from zeep.utils import get_media_type

from clients.contract.files import TIERS, hardened_parser, qualified
from clients.contract.schema_check import InvalidMessageError, find_problems
from clients.service.failures import Endpoint, raise_for_status

_CONNECT_SECONDS = 10.0
_XML_TYPES = {"text/xml", "application/soap+xml", "application/xml"}
_SOAP_HEADER = "{http://schemas.xmlsoap.org/soap/envelope/}Header"
_SOAP_BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"


class _TlsAdapter(HTTPAdapter):
    """Gives every connection our TLS context, so that a protected key and TLS versions are ours to decide."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- urllib3's own signature
        kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:  # noqa: ANN401 -- urllib3's own signature
        proxy_kwargs["ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **proxy_kwargs)

    def close(self) -> None:
        """Closes the kept connections now. urllib3 alone waits until nothing refers to a pool, be it an old error."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 -- not a dict, it refuses to be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()


def open_session(context: ssl.SSLContext, ca: Path | None, proxy: str | None) -> requests.Session:
    """A keep-alive session that only knows https, our TLS context and what was asked for explicitly."""
    session = requests.Session()
    # Otherwise REQUESTS_CA_BUNDLE, proxies and .netrc of the environment would override our settings.
    session.trust_env = False
    session.verify = str(ca) if ca else True
    session.adapters.clear()
    session.mount("https://", _TlsAdapter(context))
    if proxy:
        session.proxies = {"https": proxy}
    return session


class ContractTransport(Transport):
    """zeep's transport with a gate: what does not respect the XSD is not sent, redirections are not followed."""

    def __init__(self, session: requests.Session, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._last_answer = b""
        timeout = endpoint.timeout
        super().__init__(session=session, timeout=timeout, operation_timeout=timeout)  # type: ignore[no-untyped-call]  # zeep has no types
        self.session.headers["User-Agent"] = "igc-client/1.0"

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> requests.Response:
        """Send the envelope; raises InvalidMessageError before any network when its content breaks the XSD."""
        parts = [block for block in envelope.iterfind(f"{_SOAP_HEADER}/*") if block.tag == qualified(TIERS)]
        body = envelope.find(_SOAP_BODY)
        parts += [] if body is None else [body[0]]
        problems = tuple(problem for part in parts for problem in find_problems(part))
        if problems:
            raise InvalidMessageError(problems)
        return self.post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Send bytes. Unlike zeep's own method this never logs them: they may hold a revocation code.

        An answer that is not XML comes from something in between: it is judged here by its status, which zeep loses.
        """
        response = self.session.post(
            address,
            data=message,
            headers=dict(headers),
            timeout=(min(_CONNECT_SECONDS, self.operation_timeout), self.operation_timeout),
            allow_redirects=False,
        )
        if get_media_type(response.headers.get("Content-Type", "")) not in _XML_TYPES:  # type: ignore[no-untyped-call]  # zeep has no types
            raise_for_status(self._endpoint, response.status_code, None)
        self._last_answer = response.content
        return response

    def answered_an_empty_value(self) -> bool:
        """Whether the last answer holds its value, as an element without content: a page on which there is nothing.

        zeep gives None for it, as for an answer that lacks the element altogether.
        """
        body = etree.fromstring(self._last_answer, hardened_parser()).find(_SOAP_BODY)
        values = [] if body is None else [value for response in body for value in response]
        return len(values) == 1 and len(values[0]) == 0 and not (values[0].text or "").strip()
