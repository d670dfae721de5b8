"""Who can take an image down, and how to reach them: the registry of platforms, and RDAP."""
