"""The head of a request, read strictly and written anew (RFC 9112 §3 to §6). Linear, no expression that backtracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import h11

_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HOST = _TOKEN + b"()[],;=:"
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
_MAX_FIELDS = 100
_MAX_METHOD = 32
_MAX_LENGTH_DIGITS = 15
_SCHEMES = (b"http://", b"https://")


@dataclass(frozen=True, slots=True)
class PlainHead:
    """A head in plain form; ``length`` of the body unless it is ``chunked``."""

    data: bytes
    length: int
    chunked: bool


def plain_head(head: bytes) -> PlainHead:
    """The head in plain form, h11.RemoteProtocolError for any that could be read in two ways.

    The target becomes a path (absolute form too, whose authority then stands in Host: RFC 9112 §3.2.2). Refused with
    505: a version other than HTTP/1; with 431: more than 100 fields; with 400 the rest: control characters, folded
    lines, a field name that is no token, Content-Length that is not one plain number, Transfer-Encoding that is not
    one ``chunked``, or both.
    """
    if head.translate(None, _CONTROLS) != head:
        _refuse("control characters in a head")
    if head.count(b"\r") != head.count(b"\r\n"):
        _refuse("a bare carriage return in a head")
    lines = head.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    if len(lines) > _MAX_FIELDS + 1:
        _refuse("too many fields", 431)
    method, target, minor = _request_line(lines[0])
    path, authority = _origin_form(method, target)
    fields = [_field(line) for line in lines[1:]]
    if authority is not None:
        fields = [(name, authority if name.lower() == b"host" else value) for name, value in fields]
    length, chunked = _framing(fields, minor)
    plain = [b"%b %b HTTP/1.%d" % (method, path, minor), *(b"%b: %b" % field for field in fields), b"", b""]
    return PlainHead(b"\r\n".join(plain), length, chunked)


def _refuse(why: str, status: int = 400) -> NoReturn:
    raise h11.RemoteProtocolError(why, error_status_hint=status)


def _request_line(line: bytes) -> tuple[bytes, bytes, int]:
    """Method, target and minor version, of which 1 is the highest that we speak (RFC 9110 §2.5)."""
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    name, _, number = version.partition(b"/")
    major, dot, minor = number.partition(b".")
    wellformed = name == b"HTTP" and dot and all(len(part) == 1 and part.isdigit() for part in (major, minor))
    if not wellformed or not target or not _is_token(method) or len(method) > _MAX_METHOD:
        _refuse("not a request line")
    if major != b"1":
        _refuse("not HTTP/1", 505)
    return method, target, min(int(minor), 1)


def _origin_form(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """Path and query of a target, and the authority when it names one."""
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return _visible(target), None
    for scheme in _SCHEMES:
        if target[: len(scheme)].lower() == scheme:
            rest = target[len(scheme) :]
            end = min((at for mark in b"/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
            authority, path = rest[:end], rest[end:]
            if authority and not authority.translate(None, _HOST):
                return _visible(path if path.startswith(b"/") else b"/" + path), authority
    _refuse("not a path")


def _visible(target: bytes) -> bytes:
    if not target.isascii() or b"\t" in target:
        _refuse("not a path")
    return target


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _is_token(name):  # a folded line begins with a blank (RFC 9112 §5.2)
        _refuse("not a field")
    return name, value.strip(b" \t")


def _is_token(text: bytes) -> bool:
    return bool(text) and not text.translate(None, _TOKEN)


def _framing(fields: list[tuple[bytes, bytes]], minor: int) -> tuple[int, bool]:
    """RFC 9112 §6.3, leaving out every case in which two servers may differ."""
    named: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": [], b"host": []}
    for name, value in fields:
        if (key := name.lower()) in named:
            named[key].append(value)
    lengths, codings, hosts = named.values()
    if len(hosts) > 1 or any(host.translate(None, _HOST) for host in hosts) or (minor and not hosts):
        _refuse("not one Host")
    if codings:
        if lengths or not minor or len(codings) > 1 or codings[0].lower() != b"chunked":
            _refuse("a body framed in another way than by one Content-Length or as chunked")
        return 0, True
    if not lengths:
        return 0, False
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _MAX_LENGTH_DIGITS:
        _refuse("not one Content-Length")
    return int(lengths[0]), False
