"""What I may do, and where."""
