"""Programmatic measures: JavaScript from a case file, run in a sandbox."""
