"""Reading a project on disk: its files, its git origin, its settings. Knows neither registries nor manifests."""
