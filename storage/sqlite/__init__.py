"""What an SQLite file needs beside it: turns to write, and hearing of writes."""
