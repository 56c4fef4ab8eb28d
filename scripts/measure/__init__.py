"""Measures error rates and costs of the product."""
