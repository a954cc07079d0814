"""Notices by mail, for operators."""
