"""OTLP over HTTP in; nothing is answered with 200 before it is safe on the disk."""
