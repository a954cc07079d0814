"""The first page and the last one."""
