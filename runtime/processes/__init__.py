"""Child processes: bound to their parent, supervised; the embedded queue server."""
