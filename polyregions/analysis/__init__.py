"""What can be asked of regions once they are known."""
