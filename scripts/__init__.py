"""The `daybook` command: one file per subcommand."""
