"""The only place that knows vendors, drivers, files and the environment."""
