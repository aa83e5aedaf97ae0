"""bopis: promises, allocates and hands over orders bought online and picked up in store."""

__version__ = "0.1.0"
