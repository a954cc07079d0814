"""The published XSD. No code but the path to the files."""
