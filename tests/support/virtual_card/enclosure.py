"""A pcscd in a network and a /run of its own: no port on the machine, no socket where another one has its own.

Started by ``unshare`` as a script: ``enclosure.py FOLDER``. Cards come through Unix sockets in the folder, one a slot,
which this process joins to the ports that vpcd listens on in here; the socket of PC/SC clients appears there too. Ends,
with everything in it, when its standard input does. Needs the standard library alone.
"""

from __future__ import annotations

import fcntl
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

_FIRST_PORT = 0x8C7B
_SLOTS = 2
_UP, _GET_FLAGS, _SET_FLAGS = 0x1, 0x8913, 0x8914
_READER = """FRIENDLYNAME "Lecteur d'essai"
DEVICENAME /dev/null:0x8C7B
LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID 0x8C7B
"""


def main(folder: Path) -> None:
    _loopback_up()
    (folder / "run" / "pcscd").mkdir(parents=True)
    (folder / "readers").mkdir()
    (folder / "readers" / "vpcd").write_text(_READER)
    subprocess.run(["mount", "--bind", str(folder / "run"), "/run"], check=True)
    command = ["pcscd", "--foreground", "--error", "--config", str(folder / "readers")]
    # It ends with this process, however that ends.
    subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL)
    for slot in range(_SLOTS):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / f"slot-{slot}"))
        listener.listen()
        threading.Thread(target=_serve, args=(listener, _FIRST_PORT + slot), daemon=True).start()
    sys.stdin.read()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def _serve(listener: socket.socket, port: int) -> None:
    while True:
        card, _ = listener.accept()
        with card, _reader(port) as reader:
            _join(card, reader)


def _reader(port: int) -> socket.socket:
    """The port of the slot, once vpcd listens."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.02)


def _join(card: socket.socket, reader: socket.socket) -> None:
    """Hand on what each says until one of them goes."""
    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with selectors.DefaultSelector() as both:
        both.register(card, selectors.EVENT_READ, reader)
        both.register(reader, selectors.EVENT_READ, card)
        while True:
            for key, _ in both.select():
                # vpcd writes length and body apart: without this, the second one waits 40 ms for an acknowledgement.
                reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                try:
                    heard = key.fileobj.recv(4096)  # type: ignore[union-attr]  # a socket
                    key.data.sendall(heard)
                except OSError:
                    return
                if not heard:
                    return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
