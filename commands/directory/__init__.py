"""The verbs of the directory: structures, persons, who works where."""
