"""The tree: cells cut unit by unit, depth first, for counts; and its exact twin."""
