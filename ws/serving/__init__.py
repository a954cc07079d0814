"""From HTTP to a call and back: reception, dispatch, faults, waiting."""
