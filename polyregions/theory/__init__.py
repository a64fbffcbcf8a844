"""What is known: bounds on numbers of regions, networks with known counts."""
