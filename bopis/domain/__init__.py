"""The business, pure: values and decisions. Imports nothing but the standard library."""
