"""Vortices behind a cylinder: how often they leave, against the law that Williamson measured.

St = f D / U = -3.3265 / Re + 0.1816 + 1.6e-4 Re        (49 < Re < 178; C. H. K. Williamson, Phys. Fluids 31, 1988)

python -m examples.karman_street --reynolds 100 --picture street.png
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physim.validation.settings import Settings
from physim.validation.smoke_wake import shedding, stream_past_cylinder

CELLS, HEIGHT, BEFORE, BEHIND = 10, 32, 8, 18
"""Cells per diameter; the stream's height, and its length before and behind the cylinder, in diameters."""
TOLERANCE = 0.04
"""Of the Strouhal number: a stream 32 diameters high and cells of a tenth of one."""


@dataclass(frozen=True)
class Street:
    """What the run gave."""

    reynolds: float
    strouhal: float | None
    """``None``: the wake did not swing."""
    vorticity: np.ndarray
    """At the end (ny, nz) [U / D]."""

    @property
    def expected(self) -> float:
        """Williamson's law."""
        return -3.3265 / self.reynolds + 0.1816 + 1.6e-4 * self.reynolds


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reynolds", type=float, default=100.0, help="U D / nu, 50 to 178")
    parser.add_argument("--picture", type=Path, default=None, help="write the vorticity at the end there (PNG)")
    parser.add_argument("--device", default=None, help="Warp device")
    return parser


def run(args: argparse.Namespace) -> Street:
    """Some sixty diameters of travel until the wake swings evenly, then six swings."""
    if not 50 <= args.reynolds <= 178:
        raise ValueError(
            f"--reynolds is {args.reynolds:g}, expected 50 to 178, where the wake is flat and the law holds."
        )
    gas = stream_past_cylinder(
        Settings(device=args.device), reynolds=args.reynolds, cells=CELLS, height=HEIGHT, before=BEFORE, behind=BEHIND
    )
    law = -3.3265 / args.reynolds + 0.1816 + 1.6e-4 * args.reynolds
    strouhal = shedding(gas, (HEIGHT / 2, BEFORE + 2.0), 60.0, 6 / law)
    v, w = (gas.state.u[axis].numpy()[0] for axis in (1, 2))
    vorticity = ((v[1:-1, 1:] - v[1:-1, :-1]) - (w[1:, 1:-1] - w[:-1, 1:-1])) / gas.settings.cell
    return Street(args.reynolds, strouhal, vorticity)


def check(street: Street) -> None:
    """Raise if the street does not follow the law."""
    assert street.strouhal is not None, "the wake does not swing"
    off = abs(street.strouhal / street.expected - 1)
    assert off < TOLERANCE, f"Strouhal number {street.strouhal:.4f}, expected {street.expected:.4f}"


def picture(street: Street) -> np.ndarray:
    """Vorticity of the middle third of the stream as colours (H, W, 3) uint8: red turns one way, blue the other."""
    rows = street.vorticity.shape[0]
    middle = np.clip(street.vorticity[::-1][rows // 3 : -(rows // 3)] / 3.0, -1, 1)
    white = np.ones((*middle.shape, 3))
    red, blue = np.array([0.75, 0.15, 0.1]), np.array([0.1, 0.25, 0.7])
    s = np.abs(middle)[..., None] ** 0.7
    return np.uint8(255 * (white * (1 - s) + np.where(middle[..., None] > 0, red, blue) * s))


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    street = run(args)
    got = "none" if street.strouhal is None else f"{street.strouhal:.4f}"
    print(f"Re {street.reynolds:g}: Strouhal number {got}, Williamson {street.expected:.4f}")
    if args.picture:
        import imageio.v3 as imageio

        imageio.imwrite(args.picture, picture(street))
    check(street)


if __name__ == "__main__":
    main(sys.argv[1:])
