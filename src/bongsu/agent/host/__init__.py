"""The agent of a machine: registers it as a server, sends its metrics, and where it must, scrapes its targets itself."""
