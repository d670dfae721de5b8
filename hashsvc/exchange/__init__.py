"""Import and export of the hash lists that other systems speak; nothing is exchanged yet."""
