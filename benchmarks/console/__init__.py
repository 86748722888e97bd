"""What the console costs a browser: its first view, its drawing, and a tab that is left open."""
