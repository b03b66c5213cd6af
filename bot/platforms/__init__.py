"""Chat platforms: one Protocol, one conformance suite."""
