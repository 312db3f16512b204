"""One implementation of orders against another, under one load: in turns, and then compared."""
