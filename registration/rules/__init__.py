"""Pure rules: no SQL, no clock, no network."""
