"""Training of the bundled model: clips, loss, loop. Nothing is loaded here."""
