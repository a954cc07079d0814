"""Ceremonies make or extend authorities from one configuration, an offline root included. Only batch and commands."""
