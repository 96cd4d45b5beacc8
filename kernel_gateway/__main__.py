"""Entry point of the ``tallybook`` command."""

from __future__ import annotations

import sys

from kernel_gateway.cli import cli


def main() -> None:
    """Run the command line."""
    sys.exit(cli(standalone_mode=True))


if __name__ == "__main__":
    main()
