"""Scenarios: a day of a retailer as five CSV files, read, written and generated."""
