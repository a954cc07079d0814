"""What monitors are told: the catalogue, and how processes count what they do."""
