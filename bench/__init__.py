"""Measurements, as ratios within one run (``make bench``): machines are noisy, a ratio of neighbours holds."""
