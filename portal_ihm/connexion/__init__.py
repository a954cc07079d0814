"""The ways in and out: which door to take, is the workstation ready, Pro Santé Connect, the size of the text."""
