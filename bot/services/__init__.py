"""What Paperwire does: ingest, plan, deliver, react, search, manage."""
