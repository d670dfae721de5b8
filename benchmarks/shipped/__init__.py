"""Makes the data files that the packages ship, from code, so that anyone can make them again."""
