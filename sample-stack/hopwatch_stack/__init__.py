"""Sets up, builds, runs and loads the sample stack. Command: `hopwatch-stack`."""
