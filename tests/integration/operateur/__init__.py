"""The verbs by which an operator enters acteurs and rights, on both databases."""
