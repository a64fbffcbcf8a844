"""A run, whatever it walks through: what was given, its limits, its steps, Ctrl-C, its progress."""
