"""His own rights are told to everybody who is recognised."""

ROWS = {("GET", "/droits"): "holder"}
