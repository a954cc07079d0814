"""The screens that place a demande."""
