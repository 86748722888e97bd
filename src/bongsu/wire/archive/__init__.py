"""Stored samples as files: JSON lines, and exposition text with timestamps, read line by line so that a bad one costs only itself."""
