"""Proof that nothing was changed: a hash chain over the log, signed checkpoints, and what is made of them."""
