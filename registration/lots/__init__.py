"""Lots: deposited, kept as pages, followed."""
