"""The published contract: which file answers which address. The bytes are those of the folders, but for the address.

The address comes from the configuration only: taken from a request's Host header, one client could redirect all others.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

import schemas
from ws.contract.names import SoapVersion

ENDPOINT = "/ws/lots/1.0"
SCHEMA_FILE = Path(schemas.__file__).parent / "igc-lots-1.0.xsd"
WSDL_FOLDER = Path(__file__).parent.parent / "wsdl"
WSDL_FILES = {
    SoapVersion.V11: WSDL_FOLDER / "igc-lots-1.0.wsdl",
    SoapVersion.V12: WSDL_FOLDER / "igc-lots-1.0-soap12.wsdl",
}
_ADDRESS = re.compile(rb'(<soap(?:12)?:address location=)"[^"]*"')


def published_files(public_url: str) -> dict[str, bytes]:
    """What GET serves, by path and query; ``public_url`` is the service's base address, without the endpoint path.

    The files of the folder under their names; behind ``?wsdl`` (and ``?singlewsdl``) the same with the schema in its
    place, for a WSDL that is kept as one file must be enough. Raises ValueError when a WSDL has not exactly one address
    to replace, or one place for types.
    """
    location = quoteattr(public_url.rstrip("/") + ENDPOINT).encode()
    schema = SCHEMA_FILE.read_bytes()
    files = {f"/schemas/{SCHEMA_FILE.name}": schema}
    for version, path in WSDL_FILES.items():
        data, count = _ADDRESS.subn(lambda match: match.group(1) + location, path.read_bytes())
        if count != 1:
            raise ValueError(f"{path.name} must have exactly one soap:address")
        files[f"/ws/wsdl/{path.name}"] = data
        which = "" if version is SoapVersion.V11 else "=soap12"
        files[f"{ENDPOINT}?wsdl{which}"] = files[f"{ENDPOINT}?singlewsdl{which}"] = _with_schema(data, schema)
    return files


def _with_schema(wsdl: bytes, schema: bytes) -> bytes:
    """The WSDL with the schema itself where it imports it; ValueError when it has no place for types."""
    before, begins, rest = wsdl.partition(b"<wsdl:types>")
    _, ends, after = rest.partition(b"</wsdl:types>")
    if not ends:
        raise ValueError("a WSDL must have a place for types")
    _, _, inside = schema.partition(b"?>")  # without its declaration
    return b"".join((before, begins, inside, ends, after))
