"""Views over all lines."""
