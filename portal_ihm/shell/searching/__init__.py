"""Searches by criteria, as several screens have them: forms, days, words, pages."""
