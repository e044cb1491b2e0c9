"""Is it true, and whose job is it: triage, verification, dispatch, and the facts they leave."""
