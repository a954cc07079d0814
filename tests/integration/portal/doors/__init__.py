"""Who may open each route of the portal, one module a family: ``ROWS`` maps (method, path) to who."""
