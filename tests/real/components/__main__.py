"""``python -m tests.real.components install``: install every component (root on Debian), say what is missing."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys

import tests.real.components as package


def main() -> int:
    can_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.startswith("_"):
            continue
        component = importlib.import_module(f"{package.__name__}.{info.name}")
        if component.missing() and can_install and "install" in sys.argv[1:]:
            print(f"installing {info.name} …", flush=True)
            try:
                component.install()
            except (OSError, subprocess.SubprocessError) as error:  # the others may still be had
                print(f"{info.name}: {error}", file=sys.stderr)
        reason = component.missing()
        print(f"{info.name}: {reason or 'ready'}" + (" (its tests will be skipped)" if reason else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
