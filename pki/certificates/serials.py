"""Serial numbers of certificates (RFC 5280 §4.1.2.2)."""

import secrets

_BITS = 127  # The 128th bit is the sign in DER and stays 0.
_SMALLEST = 1 << 119  # Below it the DER form would be shorter than 16 octets.


def new_serial() -> int:
    """Return a random positive serial of exactly 16 content octets, with more than 126 bits of entropy."""
    while (serial := secrets.randbits(_BITS)) < _SMALLEST:
        pass
    return serial


def serial_hex(serial: int) -> str:
    """Return the form shown to users: 32 lower-case hexadecimal digits."""
    return f"{serial:032x}"
