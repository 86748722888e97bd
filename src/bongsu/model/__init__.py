"""The words of the field as plain values: labels, samples, matchers, durations, errors."""
