"""What a message must pass before anything believes it; each gate is a refusal."""
