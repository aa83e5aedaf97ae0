"""What runs on a timer: plain async functions, driven by bootstrap."""
