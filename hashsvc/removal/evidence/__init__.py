"""Evidence bundles: the signed record of removal requests, which anyone can check."""
