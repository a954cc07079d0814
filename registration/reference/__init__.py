"""Pages of docs/ that are written from the code of the registration authority."""
