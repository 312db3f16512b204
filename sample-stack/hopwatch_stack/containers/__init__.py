"""Runs a stack as containers: an engine, images, and the runtime on top of them."""
