"""i2v: the neural half, and everything about pictures and sound.

``animate`` joins it with :mod:`physim`; ``generate`` needs only a :class:`physim.Conditions`.
Importing this package loads neither JAX nor Warp.
"""

from typing import TYPE_CHECKING

from physim._lazy import lazy_exports

_EXPORTS = {
    "animate": "i2v.animate",
    "preview": "i2v.animate",
    "depth_backend": "i2v.animate",
    "generate": "i2v.generate",
    "generate_residual": "i2v.generate",
    "sweep": "i2v.sweeps",
    "fit": "i2v.fit",
    "judge": "i2v.metrics.judge",
    "Report": "i2v.metrics.report",
    "Clip": "i2v.clip",
    "export_wan_move": "i2v.export",
    "export_ati": "i2v.export",
    "export_go_with_the_flow": "i2v.export",
    "Exported": "i2v.export",
}

__all__ = sorted(_EXPORTS)

lazy_exports(__name__, _EXPORTS)

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...
