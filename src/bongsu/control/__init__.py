"""The control plane: projects, keys, servers, workspaces and targets in a SQL database."""
