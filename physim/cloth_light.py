"""Cloth as a thing that stands in the light: shadows on the photo, on bodies and on itself."""

from __future__ import annotations

import numpy as np
import warp as wp
from physim_kernels import cloth_light as kernels
from physim_kernels.occlusion import Receiver

from physim.cloth_view import ClothMesh
from physim.scene import Light
from physim.shadow import light_frame

SUN_SIDE = 256
"""Texels per side of the chart seen from the light; a power of two."""
SKY_SIDE = 64
"""And of those seen from the sky."""
LEVELS = 6
TAPS = (16, 6)
"""Places of a cone that are looked at, for the sun and for a disc of the sky."""
SKY = 60.0
"""Half angle of a disc of the sky [degrees]: neighbours overlap, so that all of it is covered."""
CLUSTERS = 5
"""A cloth is cut in this many squares along each side; balls stand for them where pixels to darken are looked for."""


def _sky_directions() -> np.ndarray:
    """One disc at the zenith, six about it, and six more towards the horizon."""
    rings = [np.array([[0.0, 1.0, 0.0]])]
    for elevation, shift in ((45.0, 0.0), (12.0, 0.5)):
        turn = 2 * np.pi * (np.arange(6) + shift) / 6
        up, out = np.sin(np.radians(elevation)), np.cos(np.radians(elevation))
        rings.append(np.stack([out * np.cos(turn), np.full(6, up), out * np.sin(turn)], axis=1))
    return np.concatenate(rings)


class ClothLight:
    """Draws a cloth from the lights and asks the charts what it hides.

    Args:
        mesh: The cloth.
        light: Of the scene.
        device: Warp device.
    """

    def __init__(self, mesh: ClothMesh, light: Light, *, device=None) -> None:
        self.mesh = mesh
        self.device = wp.get_device(device)
        wide = float(np.tan(np.radians(SKY / 2)))
        self._sky = [(light_frame(d), wide, SKY_SIDE) for d in _sky_directions()]
        self.aim(light)
        self._height = wp.empty(SUN_SIDE * SUN_SIDE, dtype=wp.float32, device=self.device)
        self._memo: tuple[tuple, wp.array] | None

    def aim(self, light: Light) -> None:
        """Let the light come from elsewhere from now on."""
        spread = float(np.tan(max(light.half_angle, 1e-3)))
        self._lights = [(light_frame(np.array(light.direction)), spread, SUN_SIDE), *self._sky]
        self._memo = None

    def charts(self, times: np.ndarray) -> wp.array:
        """Maps of the sun and the sky at each of ``times`` [s]."""
        key = tuple(float(t) for t in times)
        if self._memo is not None and self._memo[0] == key:
            return self._memo[1]
        vertices = [self.mesh.vertices(time) for time in key]
        points = [wp.array(np.ascontiguousarray(v), dtype=wp.vec3, device=self.device) for v in vertices]
        every = np.concatenate(vertices).astype(np.float64)
        charts = [self._chart(every, *light, len(key)) for light in self._lights]
        for chart in charts:
            scratch = self._height[: chart.side * chart.side]
            for instant, point in enumerate(points):
                kernels.build_chart(point, self.mesh.face, chart, instant, height=scratch)
        # Structs that hold arrays are kept alive by the list beside them.
        self._kept = charts
        self._memo = (key, wp.array(charts, dtype=kernels.LightChart, device=self.device))
        return self._memo[1]

    def _chart(
        self, points: np.ndarray, frame: np.ndarray, spread: float, side: int, instants: int
    ) -> kernels.LightChart:
        local = points @ frame.T
        low, high = local.min(axis=0), local.max(axis=0)
        texel = float(max(high[:2] - low[:2]) * 1.02 + 1e-6) / (side - 2)
        chart = kernels.LightChart()
        chart.light_from_world = wp.mat33(*frame.ravel())
        middle = 0.5 * (low + high)[:2] - 0.5 * side * texel
        chart.corner, chart.texel, chart.side = wp.vec2(*middle), texel, side
        chart.levels = min(LEVELS, side.bit_length() - 2)
        chart.top, chart.spread = float(high[2]), spread
        chart.taps = TAPS[0] if side == SUN_SIDE else TAPS[1]
        chart.stride = sum((side >> level) ** 2 for level in range(chart.levels))
        chart.texels = wp.empty(chart.stride * instants, dtype=wp.vec2, device=self.device)
        return chart

    @property
    def fine(self) -> float:
        """Length that the charts can tell apart, about [m]: two texels of the one seen from the light."""
        return 2.0 * float(self._kept[0].texel)

    def on_itself(self, time: float) -> wp.array:
        """Sun left, sky left over the front and over the back of each vertex (N,) vec3 in [0, 1]."""
        charts = self.charts(np.array([time]))
        vertices = self.mesh.vertices(time)
        light = wp.empty(len(vertices), dtype=wp.vec3, device=self.device)
        kernels.vertex_light(
            wp.array(np.ascontiguousarray(vertices), dtype=wp.vec3, device=self.device),
            self.mesh.normals(vertices),
            charts,
            lift=max(self.fine, 0.5 * self.mesh.edge),
            light_out=light,
        )
        return light

    def on_bodies(self, point: wp.array, normal: wp.array, ids: wp.array, pose: wp.array, time: float) -> wp.array:
        """Parts of sun and sky hidden from visible points of bodies, (h, w) vec2 in [0, 1]."""
        charts = self.charts(np.array([time]))
        hidden = wp.empty(ids.shape, dtype=wp.vec2, device=self.device)
        kernels.point_light(point, normal, ids, pose, charts, 0, soft=self.fine, hidden_out=hidden)
        return hidden

    def on_surface(self, surface: Receiver, where: np.ndarray, times: np.ndarray, *, sky: bool) -> np.ndarray:
        """Part of the sun, mean over ``times``, or of the sky hidden from pixels of the photographed surface (N,)."""
        charts = self.charts(times)
        hidden = wp.empty(len(where), dtype=wp.float32, device=self.device)
        if len(where):
            pixels = wp.array(where.astype(np.int32), dtype=wp.int32, device=self.device)
            soft = 0.25 * self.fine
            kernels.ground_light(surface, pixels, charts, len(times), soft=soft, sky=sky, hidden_out=hidden)
        return hidden.numpy()

    def balls(self, times: np.ndarray) -> np.ndarray:
        """Balls (K, 4) of centre and radius [m] that together hold the cloth at ``times``."""
        result = []
        rest = self.mesh.rest
        place = (rest - rest.min(axis=0)) / np.maximum(np.ptp(rest, axis=0), 1e-9) * (CLUSTERS - 1e-3)
        cell = place.astype(int) @ [1, CLUSTERS]
        groups = [np.flatnonzero(cell == k) for k in range(CLUSTERS * CLUSTERS)]
        for time in (times[0], times[-1]):
            vertices = self.mesh.vertices(float(time)).astype(np.float64)
            for group in groups:
                if len(group):
                    part = vertices[group]
                    centre = 0.5 * (part.min(axis=0) + part.max(axis=0))
                    result.append([*centre, float(np.linalg.norm(part - centre, axis=1).max())])
        return np.array(result)
