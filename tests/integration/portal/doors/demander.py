"""New demandes."""

ROWS = {
    ("GET", "/demander"): "offre",
    ("POST", "/demander"): "offre",
    ("GET", "/demander/{numero}/confirmation"): "holder",
}
