"""Who used the processor and the memory meanwhile, rounds in turns, figures with their spread."""
