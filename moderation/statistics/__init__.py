"""How the office handles its cases, in numbers that are each the length of a list."""
