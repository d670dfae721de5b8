"""`python -m hashsvc` is the `hashsvc` command."""

from hashsvc.cli import main

main()
