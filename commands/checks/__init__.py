"""Verbs that look and change nothing: audit, check-config, check-publication, lint-sample."""
