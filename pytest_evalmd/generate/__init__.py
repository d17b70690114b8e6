"""Query templates and configs -> cases; pure."""
