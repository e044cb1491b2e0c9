"""The photos of a case: what they say against it, whether they were seen before, who sees them."""
