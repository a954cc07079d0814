"""New demandes: forms under way are their owner's alone."""

STEPS = ("etape-1", "etape-2", "etape-3", "etape-4", "finalisation")

ROWS = {
    ("GET", "/demander"): "offre",
    ("POST", "/demander"): "offre",
    ("POST", "/demander/abandonner"): "holder",
    **{(method, f"/demander/{{brouillon}}/{step}"): "holder" for method in ("GET", "POST") for step in STEPS},
    ("GET", "/demander/{brouillon}/details"): "holder",
    ("GET", "/demander/{brouillon}/confirmation"): "holder",
    ("POST", "/demander/{brouillon}/annuler"): "holder",
}
