"""The gRPC server, and an HTTP server beside it."""
