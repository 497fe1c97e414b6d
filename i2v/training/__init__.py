"""Training of the bundled model and of Wan: clips, loss, loop. Nothing is loaded here."""
