"""Runs an operator's command when a number of a project stays above or below a threshold."""
