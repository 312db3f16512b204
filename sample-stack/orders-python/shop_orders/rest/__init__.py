"""The contract over HTTP and JSON: the same services, messages and errors as by gRPC, in the JSON
mapping of proto3."""

from .app import create_app

__all__ = ["create_app"]
