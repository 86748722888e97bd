"""Moving samples into a server: where they come from, how far a transfer got, and where they go."""
