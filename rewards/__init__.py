"""Points for true reports, and the vouchers that they buy."""
