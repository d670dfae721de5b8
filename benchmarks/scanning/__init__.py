"""How fast reported pages are scanned, beside hashing the same images from memory."""
