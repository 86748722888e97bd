"""A small shop: a real web application to watch. Flask under waitress, SQLAlchemy with a connection pool, OpenTelemetry."""
