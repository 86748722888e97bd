"""The web console: its pages and scripts, and the sessions that let them call the other APIs without a key."""
