"""The case list as a file: what an officer may see, and who took it."""
