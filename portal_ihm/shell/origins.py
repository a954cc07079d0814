"""What browsers write as the origin of our own forms."""

from __future__ import annotations

from urllib.parse import urlsplit


def origin_of_address(public_url: str) -> str:
    """Origin as browsers write it (RFC 6454 §6.1: the default port is left out); ValueError for no https address."""
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("public_url: an https address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, 443} else f":{parts.port}"
    return f"https://{host}{port}"
