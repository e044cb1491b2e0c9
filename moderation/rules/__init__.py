"""The rules as officers see and try them, without a case."""
