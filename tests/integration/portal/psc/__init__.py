"""Issuers for the tests of Pro Santé Connect: a real provider (provider.mjs), and one that says what a test wants."""
