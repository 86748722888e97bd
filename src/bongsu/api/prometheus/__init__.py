"""The Prometheus HTTP API: parameters in, queries and look-ups through a project's store, the envelope out."""
