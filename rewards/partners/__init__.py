"""Partners who honour vouchers: their people, their gates, and what they are owed."""
