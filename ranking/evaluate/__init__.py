"""Measurements of ranking that users can run on their own data."""
