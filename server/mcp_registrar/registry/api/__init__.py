"""The official registry's routes."""
