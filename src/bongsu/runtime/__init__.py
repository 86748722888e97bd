"""What every process needs: clock, regular expressions, logging, own metrics, tasks, files, compression."""
