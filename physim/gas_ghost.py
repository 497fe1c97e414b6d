"""What a gas meets beyond the sides of its box, as rules for ghost samples, and how far paths may go there."""

from __future__ import annotations

import warp as wp
from physim_kernels import advect, ghost

from physim.gas_state import Field, GasSettings, Side

Rule = tuple[int, float]
"""Kind of a ghost, and its value."""


def velocity_rule(side: Side, axis: int, component: int) -> Rule:
    """For a component of the velocity beyond a side across ``axis``."""
    if side.kind == "periodic":
        return ghost.WRAP, 0.0
    if side.kind in ("open", "outflow"):
        return ghost.COPY, 0.0
    if side.kind == "inflow":
        return (ghost.COPY, 0.0) if component == axis else (ghost.ODD, side.velocity[component])
    if component == axis:
        return ghost.ODD, 0.0
    return (ghost.EVEN, 0.0) if side.kind == "slip" else (ghost.ODD, side.velocity[component])


def remainder_rule(side: Side, axis: int, component: int) -> Rule:
    """For what the projection took from the velocity: along walls it is as it is, continued straight."""
    kind, _ = velocity_rule(side, axis, component)
    return (ghost.LINEAR if kind == ghost.ODD and component != axis else kind), 0.0


def ambient_rule(side: Side, axis: int, component: int) -> Rule:
    """For the excess temperature: none in the air outside and in what flows in."""
    kinds = {"periodic": ghost.WRAP, "outflow": ghost.COPY, "open": ghost.CONSTANT, "inflow": ghost.CONSTANT}
    return kinds.get(side.kind, ghost.EVEN), 0.0


def even_rule(side: Side, axis: int, component: int) -> Rule:
    """For diffusion, which goes through open faces inside the box only."""
    return (ghost.WRAP if side.kind == "periodic" else ghost.EVEN), 0.0


class Ghosts:
    """Fills ghosts of padded fields for the sides in ``settings``."""

    def __init__(self, settings: GasSettings, device):
        self.settings, self.device = settings, device
        self.sticky = any(s.kind in ("no-slip", "inflow") for axis in settings.axes for s in self._pair(axis))

    def _pair(self, axis: int) -> tuple[Side, Side]:
        return self.settings.sides[2 * axis], self.settings.sides[2 * axis + 1]

    def fill(self, f: wp.array, rule, component: int, *, staggered: bool) -> None:
        """All ghosts of ``f``: z first, then y over the whole rows, then x over everything."""
        for axis in reversed(self.settings.axes):
            on_face = int(staggered and axis == component)
            (low, low_value), (high, high_value) = (rule(side, axis, component) for side in self._pair(axis))
            numbers = [advect.GHOST, on_face, low, high, float(low_value), float(high_value)]
            if axis == 2:
                self._launch(ghost.ghost_ends_kernel, f.shape[:2], numbers, f)
            else:
                chunk = f.shape[2] if self.device.is_cpu else 1
                dim = (2 * advect.GHOST, f.shape[1 - axis], f.shape[2] // chunk)
                self._launch(ghost.ghost_rows_kernel, dim, [axis, *numbers, chunk], f)

    def _launch(self, kernel, dim, inputs: list, f: wp.array) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, outputs=[f], device=self.device)

    def limits(self, component: int, *, scalar: bool = False) -> dict:
        """How far beyond the first and the last sample paths may end; ``component`` -1: cells.

        Velocities are known up to the walls; scalars are ambient from one sample beyond an open side on.
        """
        ends = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
        for axis in self.settings.axes:
            for high, side in enumerate(self._pair(axis)):
                if axis == component:
                    reach = 0.0
                elif side.kind == "periodic":
                    reach = float(high)
                elif side.kind in ("open", "inflow") and scalar:
                    reach = 1.0
                elif side.kind in ("open", "outflow"):
                    reach = 0.0
                else:
                    reach = 0.5
                ends[high][axis] = reach if high else -reach
        return dict(low=wp.vec3(*ends[0]), high=wp.vec3(*ends[1]), periodic=self.settings.periodic_bits)

    def velocity(self, faces: Field) -> None:
        """Of the face velocities."""
        for axis in self.settings.axes:
            self.fill(faces[axis], velocity_rule, axis, staggered=True)
