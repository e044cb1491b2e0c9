"""People who report, and their reports: intake, the life of a report, and what its reporter may see."""
