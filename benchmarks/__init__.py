"""Measurements: seeded, against peers in the same run, reported as ratios."""
