"""OTLP over HTTP: traces and metrics from any OpenTelemetry SDK or Collector."""
