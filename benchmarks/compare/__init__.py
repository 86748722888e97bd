"""Bongsu beside Prometheus and VictoriaMetrics: the same data and questions in one run, told as ratios."""
