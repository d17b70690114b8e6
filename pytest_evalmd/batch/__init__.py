"""Requests to the judge by way of a provider's Batch API (docs/batch.md)."""
