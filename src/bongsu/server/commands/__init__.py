"""Groups of the `bongsu` command, a file each."""
