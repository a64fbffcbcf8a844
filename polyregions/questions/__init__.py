"""Questions answered without a list of regions: boxes of inputs, split where they resist."""
