"""Views of the document services."""
