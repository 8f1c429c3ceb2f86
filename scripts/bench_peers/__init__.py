"""The same work done the usual way, small and fair; their libraries are the extra `bench`."""
