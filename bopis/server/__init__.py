"""Servicers behind the door: decode, call the use case, encode."""
