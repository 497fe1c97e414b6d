"""Pictures in time as files: video out, and the model's residual at full resolution."""
