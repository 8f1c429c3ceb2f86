"""What the outside world can ask of us over HTTP: parse, call one command, answer."""
