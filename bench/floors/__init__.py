"""What nobody can do without: bare signatures, a bare parse, the bare front; each the lower half of a ratio."""
