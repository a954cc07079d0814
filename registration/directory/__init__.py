"""Structures and persons, as the rules need to know them."""
