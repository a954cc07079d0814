"""The first page, and the files that every page is drawn with."""

ROWS = {
    ("GET", "/"): "holder",
    ("GET", "/static"): "public",
}
