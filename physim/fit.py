"""The inverse use: which physical parameters make a scene move as it was seen to move.

Where a thing was seen, as points over time, is compared with where the simulated one is. A few dozen runs spread over
the ranges find the neighbourhood; from the best of them least squares walk down, with derivatives by differences: a
bounce that comes a sample later is a kink, for which the tape of a differentiable step has the wrong slope
(``docs/design/0007-fit.md``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physim.progress import Progress, untold
from physim.recall import Steps, remembering
from physim.reconstruct import reconstruct
from physim.rerun import Bench
from physim.shot import Shot
from physim.shot_file import load
from physim.shot_path import revised
from physim.simulate import simulate
from physim.sweep_plan import Axis, Span, latin_hypercube, parsed

STEP = 2e-3
"""Of the differences, over the range: well above what rounding does to a bounce."""
OUTLIER = 3.0
"""Residuals of more standard deviations than this count less than their square."""
DESCENTS = 3
"""Neighbourhoods that are walked down."""
MOST = 30
"""Steps of one walk."""
OnRun = Callable[[int, float], None]
"""Called with (runs so far, the least rms residual so far, in standard deviations)."""


@dataclass(frozen=True)
class Sighting:
    """Where a thing was seen.

    Attributes:
        name: Of the thing, as the shot calls it.
        times: (N,) [s] from the photo on.
        points: (N, 2) pixels (u, v) of the photo, or (N, 3) metres of the world; NaN where it was not seen.
        sigma: Standard deviation of a point in the same unit.
    """

    name: str
    times: np.ndarray
    points: np.ndarray
    sigma: float = 1.0

    def __post_init__(self) -> None:
        times, points = np.asarray(self.times, np.float64), np.asarray(self.points, np.float64)
        if times.ndim != 1 or points.shape not in {(len(times), 2), (len(times), 3)}:
            raise ValueError(
                f"sighting of {self.name!r}: given times {times.shape} and points {points.shape}, expected (N,) and "
                "(N, 2) pixels or (N, 3) metres."
            )
        if not (np.all(np.isfinite(times)) and np.all(times >= 0) and np.isfinite(points).all(axis=1).sum() >= 2):
            raise ValueError(f"sighting of {self.name!r}: expected times from 0 on and at least two points.")
        if not self.sigma > 0:
            raise ValueError(f"sighting of {self.name!r}: sigma is {self.sigma}, expected a number above 0.")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "points", points)


@dataclass(frozen=True)
class Fit:
    """What was found."""

    values: dict[str, float]
    """Field path → value."""
    errors: dict[str, float]
    """Standard error of each, from the curvature there; huge for what the sightings do not tell."""
    rms: float
    """Of the residuals, in standard deviations: about 1 where the scene explains what was seen."""
    runs: int
    """Simulations that it took."""
    shot: Shot
    """The shot with these values."""

    def __str__(self) -> str:
        lines = [f"{path}: {value:.5g} ± {self.errors[path]:.2g}" for path, value in self.values.items()]
        return "\n".join([*lines, f"rms residual {self.rms:.3g} standard deviations, {self.runs} runs"])


def fit(
    shot: Shot | str | os.PathLike,
    sightings: Sequence[Sighting],
    *ranges: Span | Axis | str,
    near: Mapping[str, float] | None = None,
    starts: int = 24,
    seed: int = 0,
    progress: Progress | None = None,
    on_run: OnRun | None = None,
) -> Fit:
    """Find the values of some fields of a shot with which its things move as they were seen.

    Args:
        shot: A shot, or the path of a shot file. It lasts at least to the last sighting.
        sightings: At least one.
        ranges: Fields and where their values lie: ``"things.ball.rigid.restitution=0.2:0.95"``, units as in sweeps.
        near: Field path → value that is nearly right: then nothing is looked for elsewhere.
        starts: Runs that look for the neighbourhood.
        seed: Of the starts.
        progress: Called with the stage, 'starts', 'descent 1', ..., 'errors', and the fraction of it that is done; see
            :mod:`physim.progress`.
        on_run: Called after each run with (runs so far, least rms residual so far [standard deviations]).

    Raises:
        ValueError: No range, a thing that does not move, a sighting after the end; and as :func:`reconstruct`.
    """
    base = shot if isinstance(shot, Shot) else load(Path(shot))
    spans = [span for span in (parsed(r, base) if isinstance(r, str) else r for r in ranges) if isinstance(span, Span)]
    if not spans or len(spans) != len(ranges) or not sightings:
        raise ValueError("fit needs sightings, and ranges such as things.ball.rigid.restitution=0.2:0.95.")
    last = max(float(s.times.max()) for s in sightings)
    if last > base.seconds + 0.5 / base.fps:
        raise ValueError(f"a thing was seen at {last:g} s, but the shot ends at {base.seconds:g} s: make it longer.")
    search = _Search(base, list(sightings), spans, progress, on_run)
    return search.result(search.best(starts, seed) if near is None else search.descended([search.share_of(near)]))


class _Search:
    """Residuals over the unit cube of the ranges, and the way to their least."""

    def __init__(
        self, shot: Shot, sightings: list[Sighting], spans: list[Span], progress: Progress | None, on_run: OnRun | None
    ) -> None:
        self.shot, self.sightings, self.spans = shot, sightings, spans
        self.runs, self.least = 0, np.inf
        self._tell, self._on_run = progress or untold, on_run or (lambda runs, rms: None)
        self._stage, self._begun, self._most = "starts", 0, 1
        self._bench, self._steps = Bench(), Steps()

    def values(self, share: np.ndarray) -> dict[str, float]:
        """Of the fields at a point of the cube."""
        inside = np.clip(share, 0.0, 1.0)
        return {span.path: span.drawn(inside[i : i + 1])[0] for i, span in enumerate(self.spans)}

    def residuals(self, share: np.ndarray) -> np.ndarray:
        """Simulated less seen, in standard deviations, all sightings in a row."""
        shot = revised(self.shot, self.values(share), "fit")
        with remembering(self._steps):
            scene = reconstruct(shot, picture=False)
        assert scene.camera is not None
        trajectory = simulate(scene, seconds=shot.seconds, fps=shot.fps, bench=self._bench)
        rows = []
        for seen in self.sightings:
            if seen.name not in trajectory.bodies:
                known = ", ".join(trajectory.bodies) or "none"
                raise ValueError(f"{seen.name!r} was seen but does not move in the shot. Bodies that do: {known}.")
            track = trajectory.bodies[seen.name]
            places = np.array([track.at(time)[0] for time in seen.times])
            if seen.points.shape[1] == 2:
                places = np.array([
                    scene.camera.at(time).project(place)[0] for time, place in zip(seen.times, places, strict=True)
                ])  # fmt: skip
            off = (places - seen.points) / seen.sigma
            rows.append(off[np.isfinite(seen.points).all(axis=1)].ravel())
        off = np.clip(np.concatenate(rows), -1e6, 1e6)  # what flew behind the camera
        self.runs += 1
        self.least = min(self.least, float(np.sqrt(np.mean(off**2))))
        self._on_run(self.runs, self.least)
        self._tell(self._stage, min((self.runs - self._begun) / self._most, 1.0))
        return off

    def best(self, starts: int, seed: int) -> np.ndarray:
        """The point of the cube with the least residuals."""
        unit = [Span(str(i), 0.0, 1.0) for i in range(len(self.spans))]
        drawn = [np.array(list(row.values())) for row in latin_hypercube(max(starts, 1), *unit, seed=seed)]
        self._enter("starts", len(drawn))
        ordered = sorted((self._cost(share), tuple(share)) for share in drawn)
        return self.descended([np.array(share) for _, share in ordered[:DESCENTS]])

    def descended(self, shares: Sequence[np.ndarray]) -> np.ndarray:
        """The lowest point that is reached from some of the cube."""
        from scipy.optimize import least_squares

        found = []
        for number, share in enumerate(shares, start=1):
            self._enter(f"descent {number}", MOST * (1 + len(share)))
            found.append(least_squares(
                self.residuals, np.clip(share, 0.01, 0.99), bounds=(0, 1), loss="soft_l1", f_scale=OUTLIER,
                diff_step=STEP, max_nfev=MOST, xtol=1e-7, ftol=1e-9,
            ))  # fmt: skip
            self._tell(self._stage, 1.0)
        return min(found, key=lambda result: result.cost).x

    def _enter(self, stage: str, most: int) -> None:
        """From here on runs belong to ``stage``, which takes ``most`` of them at most."""
        self._stage, self._begun, self._most = stage, self.runs, most
        self._tell(stage, 0.0)

    def share_of(self, values: Mapping[str, float]) -> np.ndarray:
        """The point of the cube that has these values."""
        missing = [span.path for span in self.spans if span.path not in values]
        if missing:
            raise ValueError(f"near has no value for {', '.join(missing)}.")
        return np.array([span.share(values[span.path]) for span in self.spans])

    def _cost(self, share: np.ndarray) -> float:
        off = self.residuals(share) / OUTLIER
        return float((np.sqrt(1 + off**2) - 1).sum())

    def result(self, share: np.ndarray) -> Fit:
        """Values, and their errors from the slopes around."""
        self._enter("errors", 1 + len(share))
        here = self.residuals(share)
        step = np.where(share + 2 * STEP < 1, STEP, -STEP)
        slopes = np.stack(
            [(self.residuals(share + step * row) - here) / step[i] for i, row in enumerate(np.eye(len(share)))]
        )
        values = self.values(share)
        rms = float(np.sqrt(np.mean(here**2)))
        normal = slopes @ slopes.T
        floor = 1e-12 * np.trace(normal) + 1e-300  # what nothing seen depends on has a huge error, not all of them
        variance = np.diag(np.linalg.inv(normal + floor * np.eye(len(share)))) * max(rms, 1.0) ** 2
        moved = self.values(share + step)
        errors = {
            path: abs(moved[path] - value) / STEP * float(np.sqrt(variance[i]))
            for i, (path, value) in enumerate(values.items())
        }
        return Fit(values, errors, rms, self.runs, revised(self.shot, values, "fit"))
