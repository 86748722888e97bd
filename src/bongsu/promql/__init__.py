"""PromQL over label columns and matrices; it knows neither projects nor HTTP."""
