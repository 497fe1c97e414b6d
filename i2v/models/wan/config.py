"""Sizes of the Wan transformers. Everything else about a variant is in its weights' shapes, and read from there.

Source: Wan Team, Wan: Open and Advanced Large-Scale Video Generative Models (2025), section 4 and table of sizes; the
control variants follow the released configurations of Wan-Fun.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class WanConfig:
    """One transformer. Channels count latents and whatever is concatenated to them."""

    layers: int = 30
    heads: int = 12
    head_dim: int = 128
    ffn: int = 8960
    """Hidden width of the feed-forward layers."""
    in_channels: int = 16
    """16 latents (48 in TI2V-5B); 36 with mask and first frame; 48 with control video and first frame."""
    out_channels: int = 16
    text_dim: int = 4096
    text_tokens: int = 512
    """Length of the text; shorter prompts are padded with zeros, which are attended to."""
    freq_dim: int = 256
    """Sines and cosines of the time."""
    image_dim: int | None = None
    """Width of the tokens of CLIP; ``None``: the variant has no image tokens."""
    image_positions: int | None = None
    """Learned positions of image tokens: 514 in first-last-frame variants, which see two pictures."""
    camera_channels: int | None = None
    """Channels of the camera adapter: 24, Plücker rays of four frames."""
    reference_channels: int | None = None
    """Channels of a reference latent that is put before the first frame."""
    patch: tuple[int, int, int] = (1, 2, 2)
    eps: float = 1e-6

    @property
    def width(self) -> int:
        """Of a token."""
        return self.heads * self.head_dim

    @classmethod
    def wan_1_3b(cls, **changes) -> WanConfig:
        return cls(**changes)

    @classmethod
    def wan_5b(cls, **changes) -> WanConfig:
        """Wan2.2 TI2V-5B: 48 channels of the 2.2 autoencoder, a time per latent frame."""
        return replace(cls(30, 24, 128, 14336, 48, 48), **changes)

    @classmethod
    def wan_14b(cls, **changes) -> WanConfig:
        """Wan2.1 14B, and either expert of Wan2.2 A14B."""
        return replace(cls(40, 40, 128, 13824), **changes)


IMAGE = {"in_channels": 36, "image_dim": 1280}
"""What image-to-video of Wan2.1 adds: mask (4), latent of the first frame (16), tokens of CLIP."""

VARIANTS: dict[str, WanConfig] = {
    "wan2.1-t2v-1.3b": WanConfig.wan_1_3b(),
    "wan2.1-t2v-14b": WanConfig.wan_14b(),
    "wan2.1-i2v-14b": WanConfig.wan_14b(**IMAGE),
    "wan2.1-flf2v-14b": WanConfig.wan_14b(**IMAGE, image_positions=514),
    "wan2.1-fun-1.3b-inp": WanConfig.wan_1_3b(**IMAGE),
    "wan2.1-fun-14b-inp": WanConfig.wan_14b(**IMAGE),
    "wan2.1-fun-1.3b-control": WanConfig.wan_1_3b(in_channels=48, image_dim=1280, reference_channels=16),
    "wan2.1-fun-14b-control": WanConfig.wan_14b(in_channels=48, image_dim=1280, reference_channels=16),
    "wan2.1-fun-1.3b-camera": WanConfig.wan_1_3b(in_channels=32, image_dim=1280, camera_channels=24),
    "wan2.1-fun-14b-camera": WanConfig.wan_14b(in_channels=32, image_dim=1280, camera_channels=24),
    "wan2.2-ti2v-5b": WanConfig.wan_5b(),
    "wan2.2-t2v-a14b": WanConfig.wan_14b(),
    "wan2.2-i2v-a14b": WanConfig.wan_14b(in_channels=36),
}
"""Transformers by the name under which `weights` looks for them."""
