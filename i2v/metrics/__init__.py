"""Whether a video obeys physics: metrics that need nothing but the video, or what was simulated, or a film of it."""
