"""The ``igc`` command line: one file per verb, and the composition roots."""
