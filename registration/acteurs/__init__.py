"""Who acts, with which rights, and what he may see."""
