"""The policy table, the score terms, and the explanation of a score."""
