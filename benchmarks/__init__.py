"""What hopwatch costs: data to measure on, and the measurements (`make bench`)."""
