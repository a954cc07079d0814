"""The settings of every process: model, sections, checks, and their reference page."""
