"""Signing keys behind one port: software keys now, PKCS#11 beside them. Only batch and commands import this."""
