"""What the verbs share by which an operator enters acteurs and rights."""
