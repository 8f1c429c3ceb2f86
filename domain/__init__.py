"""The rules of every business line: pure, without clock, network, storage or chance."""
