"""Verbs about the database itself: migrate, restore."""
