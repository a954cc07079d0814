"""Choosing a door, the workstation, leaving, the size of the text; Pro Santé Connect at its own door."""

ROWS = {
    ("GET", "/connexion"): "public",
    ("GET", "/poste"): "public",
    ("GET", "/poste/verification"): "holder",
    ("GET", "/deconnexion"): "public",
    ("POST", "/deconnexion"): "public",
    ("POST", "/taille"): "public",
}
OF_PSC = {
    ("GET", "/psc/connexion"): "public",
    ("GET", "/psc/retour"): "public",
    # Sent by Pro Santé Connect itself, and signed by it: no browser, no origin, no session.
    ("POST", "/psc/fin-de-session"): "public",
}
"""At the door of Pro Santé Connect alone; walked by test_psc_attacks."""
