"""Python client of a Bongsu server; needs the standard library only."""
