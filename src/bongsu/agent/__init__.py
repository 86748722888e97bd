"""What runs beside the monitored thing: the application agent and the host agent. Light to import; no server code."""
