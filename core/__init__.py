"""The ground floor: what has no owner among the rooms."""
