"""The document services' pages and endpoints: seven forms, prices, files and the tracking page."""
