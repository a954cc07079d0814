"""Revocations over SOAP: operations, types, rendering."""
