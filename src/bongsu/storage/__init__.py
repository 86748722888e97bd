"""What a series store is: the Protocols, the errors, matching, and the in-memory reference."""
