"""The shop's business service in Python: catalog, stock, orders and payments."""
