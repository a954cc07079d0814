"""Keys and CSRs, one or many."""
