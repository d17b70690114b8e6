"""Markdown text <-> a case's values; pure."""
