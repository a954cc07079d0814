"""Keys of the browser."""

ROWS = {
    ("GET", "/cles"): "holder",
    ("GET", "/demander/{brouillon}/etape-4/assistee"): "holder",
    ("POST", "/demander/{brouillon}/etape-4/assistee"): "holder",
}
