"""Models that paint: the bundled one, and a registry for others. Nothing heavy is loaded here."""
