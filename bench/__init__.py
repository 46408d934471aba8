"""Benchmarks: ratios to yardsticks that run in turns with the product, on the same machine."""
