"""What runs beside the monitored thing: the application agent, the host agent, the autoscaler. Light to import; no server code."""
