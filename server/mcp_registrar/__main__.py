"""``mcp-registrar`` and ``python -m mcp_registrar``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. ``serve`` alone takes a short way: a host starts it for every session and waits for it."""
    from mcp_registrar.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
