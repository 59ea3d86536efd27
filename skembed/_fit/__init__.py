"""The steps of a fit: from rows to what was learned."""
