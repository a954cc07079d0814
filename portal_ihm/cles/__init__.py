"""The keys that this browser keeps."""
