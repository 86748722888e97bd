"""Pools of threads and of connections that OpenTelemetry does not measure, read when a report is due."""
