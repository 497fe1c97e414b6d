"""What random scenes of all kinds share: numbers for drawing them, and runs whose every end is a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Found = TypeVar("Found")


@dataclass
class Verdict:
    """What was found in one run."""

    faults: list[str] = field(default_factory=list)
    refused: str = ""


def floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def direction(rng: np.random.Generator) -> np.ndarray:
    """A random unit vector (3,)."""
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


def attempt(run: Callable[[], Found], verdict: Verdict, words: Iterable[str]) -> Found | None:
    """What ``run`` returns, or None and why in the verdict; a refusal has to name a thing, by one of ``words``."""
    try:
        return run()
    except ValueError as error:
        verdict.refused = str(error)
        if not any(word in str(error) for word in words):
            verdict.faults.append(f"a refusal that names nothing: {error}")
    except FloatingPointError as error:
        verdict.faults.append(f"blew up: {error}")
    except Exception as error:  # whatever it is, it is a fault with a seed
        verdict.faults.append(f"{type(error).__name__}: {error}")
    return None


def faults_of(seeds: Iterable[int], draw: Callable, judge: Callable) -> str:
    """All faults of some seeds, a line each with its scene; empty if there are none."""
    return "\n".join(f"{drawn}: {fault}" for drawn in map(draw, seeds) for fault in judge(drawn).faults)
