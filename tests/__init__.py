"""The tests mirror the packages they are about; `servers` and `conftest` start what they need."""
