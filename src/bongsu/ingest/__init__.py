"""What comes in from outside becomes samples: OTLP metrics and remote write into the projects' stores."""
