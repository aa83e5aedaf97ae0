"""The batch optimizer: many open orders, allocated together. Only its own process imports it."""
