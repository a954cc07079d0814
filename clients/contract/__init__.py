"""The published contract as the client sees it: files, values, validation, translation."""
