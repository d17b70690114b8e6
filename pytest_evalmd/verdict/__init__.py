"""A measure's output held against its recorded result; pure."""
