"""A finished result -> terminal or JSON. Nothing here computes what it shows."""
