"""Wan 2.1 and 2.2 in JAX: transformer, video autoencoder, text and image encoders. Nothing heavy is loaded here."""
