"""Sources of papers: parsers from bytes to a Listing, and one fetcher for all."""
