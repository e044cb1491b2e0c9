"""People who report, and their reports: intake, a report's life, what its reporter may see."""
