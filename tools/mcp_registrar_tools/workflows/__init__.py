"""GitHub Actions workflows as data: one job a package type, one for the registry, and their YAML text."""
