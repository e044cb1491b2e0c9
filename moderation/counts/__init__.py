"""How many cases of each status a list holds."""
