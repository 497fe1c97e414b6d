"""Chart: every error over the limit that it must keep, one row per case, on a logarithmic axis; plain SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from physim.validation.report import share
from physim.validation.run import Result

COLOURS = {"goal": "#1a7f37", "good": "#4c9be8", "pass": "#d29922", "fail": "#cf222e"}
LEFT, WIDTH, ROW, TOP = 230, 640, 22, 48
DECADES = (-6, 1)


def chart(results: Sequence[Result]) -> str:
    """The picture as text."""
    rows = [r for r in results if any(share(q) is not None for q in r.quantities)]
    height = TOP + ROW * len(rows) + 34
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {height}" '
        'font-family="sans-serif" font-size="12" fill="#57606a">',
        f'<rect width="{LEFT + WIDTH + 30}" height="{height}" fill="#ffffff"/>',
    ]
    bottom = TOP + ROW * len(rows)
    for decade in range(DECADES[0], DECADES[1] + 1):
        x = _x(10.0**decade)
        bold = decade == 0
        line = "#cf222e" if bold else "#d8dee4"
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{line}"/>')
        label = "limit" if bold else f"1e{decade}"
        out.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
    for k, (verdict, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="{LEFT + 90 * k}" cy="20" r="5" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + 90 * k + 10}" y="24">{verdict}</text>')
    for k, result in enumerate(rows):
        y = TOP + ROW * (k + 0.5)
        out.append(f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(result.case.id)}</text>')
        for q in result.quantities:
            value = share(q)
            if value is not None:
                out.append(
                    f'<circle cx="{_x(value):.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[q.verdict]}" fill-opacity="0.6">'
                    f"<title>{escape(q.quantity)}: {value:.2g} of the limit</title></circle>"
                )
    return "\n".join([*out, "</svg>", ""])


def _x(value: float) -> float:
    low, high = DECADES
    decade = min(max(math.log10(max(value, 1e-30)), low), high)
    return LEFT + (decade - low) / (high - low) * WIDTH
