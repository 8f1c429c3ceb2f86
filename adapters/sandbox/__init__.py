"""Stand-in vendors for a machine without accounts: they keep what they were sent, and show it."""
