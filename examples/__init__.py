"""Programs to try Bongsu with."""
