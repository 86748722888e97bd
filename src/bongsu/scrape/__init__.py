"""Scraping: fetch the metrics of many targets, spread over time, and write them into their projects' stores."""
