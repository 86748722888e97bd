"""What observation costs an application."""
