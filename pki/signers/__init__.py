"""Signing keys behind one port."""
