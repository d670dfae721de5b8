"""The registry of platforms that can take an image down, their contacts, and RDAP lookups."""
