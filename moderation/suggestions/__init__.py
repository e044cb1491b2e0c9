"""Likely duplicates: for staff with enough to judge, for residents so that nobody is told of."""
