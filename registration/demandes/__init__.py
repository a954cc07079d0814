"""Demandes one by one: registered, claimed, followed, withdrawn, cancelled."""
