"""Choosing a door, Pro Santé Connect, the workstation, leaving, the size of the text: for who is not known yet."""

ROWS = {
    ("GET", "/connexion"): "public",
    ("GET", "/poste"): "public",
    # Tells the bearer of a certificate that it opens this door; AccessError for one that does not.
    ("GET", "/poste/verification"): "public",
    ("GET", "/psc/connexion"): "public",
    ("GET", "/psc/retour"): "public",
    # Sent by Pro Santé Connect itself, and signed by it: no browser, no origin, no session.
    ("POST", "/psc/fin-de-session"): "public",
    ("GET", "/deconnexion"): "public",
    ("POST", "/deconnexion"): "public",
    ("POST", "/taille"): "public",
}
