"""The text formats in which programs expose their metrics: Prometheus text 0.0.4 and 1.0.0, OpenMetrics 0.0.1 and 1.0.0."""
