"""The published contract: its files, its names, the types that several areas share."""
