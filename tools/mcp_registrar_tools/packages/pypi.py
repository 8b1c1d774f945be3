"""All that is special to PyPI packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

BASE_URL = "https://pypi.org"
"""The only `registryBaseUrl` the registry accepts for PyPI, and where it verifies."""
TEST_BASE_URL = "https://test.pypi.org"

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------
