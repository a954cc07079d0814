"""What certificates say and how they are encoded (RFC 5280 §4): content, profiles, extensions, DER, serial numbers."""
