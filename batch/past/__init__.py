"""What this machine knows without the database: the published lists, and marks of how far trail and numbers went."""
