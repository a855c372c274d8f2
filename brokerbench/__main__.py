"""`python -m brokerbench`."""

from brokerbench.cli import main

main()
