"""Forms of the portal that are under way, kept for whoever types them."""
