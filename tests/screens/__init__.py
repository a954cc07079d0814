"""Every screen of the portal in each of its states, drawn by a real browser, to be leafed through by a person."""
