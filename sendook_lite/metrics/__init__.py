"""Metrics: what the parts count while they work, under names that Prometheus understands."""
