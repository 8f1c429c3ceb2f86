"""Everything people look at, computed from the log: it may be deleted and rebuilt at any time, and can send nothing."""
