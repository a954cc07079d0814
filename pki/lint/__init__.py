"""Rules over the bytes that will be signed (inline), and pkilint over what was signed (full)."""
