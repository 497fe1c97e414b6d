"""Flames as lamps: what hot smoke sends out, gathered into a few places, and what that lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import warp as wp

from physim import blackbody
from physim.smoke_state import SmokeState

BLOCK = 4
"""Cells along the side of a block that becomes one lamp."""
MOST = 48
"""Lamps at most; what the others send is given to them."""


@dataclass(frozen=True)
class Lamps:
    """Where light comes from."""

    place: np.ndarray
    """(K, 4) [m]: centre, and how wide it is."""
    intensity: np.ndarray
    """(K, 3): radiance, photo white at 1, times area [m^2]."""

    @classmethod
    def of(cls, states: Sequence[SmokeState]) -> Lamps | None:
        """All that glows in smokes brought to one instant; None if nothing does."""
        found = [pair for pair in map(_blocks, states) if pair is not None]
        if not found:
            return None
        place, intensity = (np.concatenate(part) for part in zip(*found, strict=True))
        power = intensity.sum(axis=1)
        order = np.argsort(-power, kind="stable")[:MOST]
        whole = power.sum() / power[order].sum()
        return cls(place[order].astype(np.float32), (whole * intensity[order]).astype(np.float32))

    def arrays(self, device) -> tuple[wp.array, wp.array]:
        """Places and intensities on the device."""
        return (
            wp.array(self.place, dtype=wp.vec4, device=device),
            wp.array(self.intensity, dtype=wp.vec3, device=device),
        )


def _blocks(state: SmokeState) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (K, 4) and intensities (K, 3) of a smoke's blocks that glow.

    A cell of absorption sigma_a and radiance B sends sigma_a B dV to every side; of a block that is optically thick
    only the outside is seen, which is less by (1 - exp(-tau)) / tau.
    """
    fire = state.fire
    if fire is None:
        return None
    density, heat = state.volume.density.numpy(), fire.heat.numpy()
    hot = (density > 1e-3) & (heat + state.material.ambient_temperature > blackbody.DRAPER)
    at = np.argwhere(hot)
    if len(at) == 0:
        return None
    d = density[hot].astype(np.float64)
    colour = blackbody.glow(heat[hot] + state.material.ambient_temperature).astype(np.float64)
    cell, extinction = float(state.track.cell), float(state.volume.extinction)
    amount = (extinction * d * cell**3)[:, None] * state.absorbing * colour
    shape = tuple(-(-n // BLOCK) for n in density.shape)
    block = np.ravel_multi_index(tuple((at // BLOCK).T), shape)
    count = int(np.prod(shape))
    total = np.stack([np.bincount(block, amount[:, c], count) for c in range(3)], axis=-1)
    weight = amount.sum(axis=1)
    sums = np.bincount(block, weight, count)
    there = np.flatnonzero(sums > 0)
    middle = np.stack([np.bincount(block, weight * (at[:, a] + 0.5), count)[there] for a in range(3)], axis=-1)
    centre = np.asarray(state.track.origin) + cell * middle / sums[there, None]
    side = BLOCK * cell
    tau = extinction * np.bincount(block, d, count)[there] / BLOCK**3 * side
    seen = -np.expm1(-tau) / np.maximum(tau, 1e-9)
    wide = np.full((len(there), 1), 0.5 * side)
    return np.concatenate([centre, wide], axis=1), total[there] * seen[:, None]
