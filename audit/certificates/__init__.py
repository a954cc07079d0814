"""Whether each certificate is what its row, its demande and its profile say."""
