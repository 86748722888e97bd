"""Native histograms as PromQL computes with them: layouts, arithmetic, statistics, text."""
