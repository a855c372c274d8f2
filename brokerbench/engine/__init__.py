"""Plan, children, load loops, ledger, monitor: everything between a checked scenario and a run folder."""
