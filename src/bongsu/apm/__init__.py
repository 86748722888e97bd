"""Real-time numbers of applications: transactions from spans, gauges from metrics, in ticks of five seconds."""
