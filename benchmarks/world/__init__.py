"""The made-up world of the removal simulation: sites, platforms, an institute, its ledger."""
