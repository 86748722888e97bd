"""Taking over the set-up of a Prometheus: what its configuration scrapes becomes workspaces and targets."""
