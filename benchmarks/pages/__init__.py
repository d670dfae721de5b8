"""Measures which images of pages the scanner finds, compared with headless Chromium."""
