"""The real-time application API: one bare number per path, and a few JSON documents over the same tick."""
