"""Generates data files that the packages ship, so that anyone can make them again."""
