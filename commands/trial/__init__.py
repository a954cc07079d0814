"""A TEST plateforme with a fictitious world: ``igc init-test``, and what the demo starts from."""
