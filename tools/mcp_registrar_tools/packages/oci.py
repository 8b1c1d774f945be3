"""All that is special to OCI packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------
