"""OpenTelemetry's protocol (OTLP over HTTP): traces and metrics, from protobuf and from JSON, to plain batches."""
