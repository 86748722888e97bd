"""The composition root: configuration, wiring, lifespan, and the `bongsu` command."""
