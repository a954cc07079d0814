"""Whether each public key may be certified."""
