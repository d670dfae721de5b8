"""Measures how fast pages are scanned, compared with hashing the same images from memory."""
