"""What the real-time numbers cost the server."""
