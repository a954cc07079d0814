"""Follow-up: whoever is recognised may search, and finds what is in his perimeter."""

ROWS = {
    ("GET", "/suivi"): "holder",
    ("GET", "/suivi/demandes"): "holder",
    ("GET", "/suivi/demandes.csv"): "holder",
    ("GET", "/suivi/demandes/{numero}"): "holder",
    ("GET", "/suivi/demandes/{numero}/historique"): "holder",
}
