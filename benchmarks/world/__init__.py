"""The simulated world of the removal benchmark: web sites, platforms, an institute, its ledger."""
