"""AI measures: what a judge model is asked, and what its reply says."""
