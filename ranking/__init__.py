"""Ranking, summaries and search over papers: values in, values out; no storage, no clock."""
