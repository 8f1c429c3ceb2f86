"""Values and errors that every business line speaks of."""
