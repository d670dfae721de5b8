"""Import and export of hash lists in the formats of other systems; not implemented yet."""
