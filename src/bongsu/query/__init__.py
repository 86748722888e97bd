"""Queries as a use case: bounded in number, time and samples, cancellable, counted; it knows no tenant and no HTTP."""
