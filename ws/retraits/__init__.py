"""Withdrawals over SOAP: operations, types, rendering."""
