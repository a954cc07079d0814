"""The stand-in over real mutual TLS, able to cut the line where it is told to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lxml import etree

from tests.integration.clients.stand_in.messages import ROOT, XSD, FaultError, body_of, envelope, fault_node
from tests.integration.clients.stand_in.service import STRANGE, StandIn

PATH = "/ws/lots/1.0"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in
        self.errors: list[object] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*stand_in.authority.server_files)
        self.context.load_verify_locations(stand_in.authority.ca_file)
        self.context.verify_mode = ssl.CERT_REQUIRED

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        # The handshake belongs in the connection's own thread: done here it would block the listener.
        connection, address = self.socket.accept()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            request.do_handshake()
        except OSError:
            # Closing with unread bytes would reset the connection and take our TLS alert away with it.
            request.settimeout(5)
            with contextlib.suppress(OSError):
                while socket.socket.recv(request, 4096):
                    pass
            request.close()
            return
        with contextlib.suppress(OSError):
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.errors.append(client_address)
        super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    server: _Server
    connection: ssl.SSLSocket

    @property
    def stand_in(self) -> StandIn:
        return self.server.stand_in

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.stand_in.connections += 1
        self.stand_in.open_connections.add(self.client_address)

    def finish(self) -> None:
        super().finish()
        self.stand_in.open_connections.discard(self.client_address)

    def do_GET(self) -> None:
        files = {f"{PATH}?wsdl": ROOT / "ws/wsdl/igc-lots-1.0.wsdl", "/schemas/igc-lots-1.0.xsd": XSD}
        self.stand_in.paths.append(self.path)
        content = files[self.path].read_bytes() if self.path in files else b""
        if self.stand_in.published_address:
            address = self.stand_in.published_address.encode()
            content = content.replace(b"https://127.0.0.1:8443/ws/lots/1.0", address)
        self._reply(200 if content else 404, content)

    def do_POST(self) -> None:
        stand_in = self.stand_in
        message = self.rfile.read(int(self.headers["Content-Length"]))
        stand_in.texts.append(message)
        stand_in.clients.add((self.connection.getpeercert() or {}).get("serialNumber"))
        body = body_of(message)
        operation = etree.QName(body).localname
        stand_in.calls[operation] += 1
        stand_in.schema.check(body)
        what = stand_in.take_plan(operation)
        if what == "before":
            self._cut()
            return
        if what == "slow":
            time.sleep(0.5)
        answer, status = self._answer(operation, body, what)
        if what == "hold":
            stand_in.held.set()
            stand_in.release.wait(15)
        self._end(what, answer, status)

    def _answer(self, operation: str, body: etree._Element, what: str | None) -> tuple[etree._Element, int]:
        try:
            with self.stand_in.lock:
                _raise_planned(what)
                return self.stand_in.answer(operation, body), 200
        except FaultError as fault:
            node, detail = fault_node(fault)
            self.stand_in.schema.check(detail)
            return node, 500

    def _end(self, what: str | None, answer: etree._Element, status: int) -> None:
        if what in ("after", "hold"):
            self._cut()
        elif what in STRANGE:
            self._reply(200, STRANGE[what])
        elif what and what.startswith("status:"):
            self._reply(int(what.partition(":")[2]), b"<html><body>passerelle</body></html>", "text/html")
        else:
            content = b"<?xml version='1.0' encoding='UTF-8'?>" + etree.tostring(envelope(answer))
            self._reply(status, content, truncated=what == "truncated")

    def _reply(
        self, status: int, content: bytes, media_type: str = "text/xml; charset=utf-8", *, truncated: bool = False
    ) -> None:
        self.send_response(status)
        if status == HTTPStatus.FOUND:
            self.send_header("Location", "/ailleurs")
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if truncated else content)
        if truncated:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()


def _raise_planned(what: str | None) -> None:
    if what == "fault":
        raise FaultError("erreurTechnique", "ERR_WS_050", "Très sollicité.", incident="inc-42")
    if what == "denied":
        raise FaultError("accesRefuse", "ERR_WS_025", "Aucune habilitation.")


@contextlib.contextmanager
def serve(stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in listening on a free port of 127.0.0.1 until the block ends."""
    server = _Server(stand_in)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    stand_in.url = f"https://127.0.0.1:{server.server_address[1]}{PATH}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert server.errors == [], "the stand-in got a message that breaks the contract"
