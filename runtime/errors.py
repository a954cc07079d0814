"""What an operator can mend: one root for such errors, each of one French text."""


class OperatorError(Exception):
    """Something outside the code is not as it must be. The text is French, for whoever runs the command."""
