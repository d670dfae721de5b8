"""Evidence bundles: one request's record, signed, time-stamped, and checked by anyone."""
