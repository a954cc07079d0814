"""Where the CPU of a lot goes, by stage."""
