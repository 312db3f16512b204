"""Altair charts of finished data."""
