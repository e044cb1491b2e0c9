"""Telling who reported: a reason, a second officer, one look, and a trace of each step."""
