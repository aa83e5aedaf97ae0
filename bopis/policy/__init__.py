"""The policy files that ship with bopis: data, read by whoever composes the service."""
