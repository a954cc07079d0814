"""What is kept of lots and of numbers, against the demandes that they are made of."""
