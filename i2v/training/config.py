"""What training runs are told, in one place: the command line takes its defaults from here. Loads no networks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from i2v.models.unet import UNetConfig

Objective = Literal["bridge", "regression", "flow"]


def _first_network() -> UNetConfig:
    from i2v.models.unet import UNetConfig

    return UNetConfig()


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every run is told, whatever it trains."""

    steps: int | None = None
    """Length of the run."""
    batch: int = 1
    """Clips that are on the device at once."""
    rank: int | None = None
    """Of the adapters that are trained; ``None`` trains all parameters."""
    learning_rate: float = 1e-4
    """The highest one."""
    warmup: int = 100
    """Steps."""
    weight_decay: float = 1e-3
    ema: float = 0.999
    """Memory of the average of what is trained."""
    background: float = 0.0
    """Weight of the error outside what is to be learnt."""
    prior_share: float = 0.25
    """Share of the examples from ``prior``, if there is one: what must not change."""
    save_every: int = 500
    """Steps between checkpoints."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rank", "save_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected at least 1.")
        for name in ("prior_share", "background"):
            _share(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """A run of the bundled model."""

    network: UNetConfig = field(default_factory=_first_network)
    objective: Objective = "bridge"
    """Noise where the picture is a guess; no noise; or even noise everywhere."""
    minutes: float | None = None
    """Length of the run by the clock, instead of ``steps``; the learning rate then follows the clock too."""
    batch: int = 4
    side: int = 64
    """Of the square crops [pixels]."""
    frames: int = 8
    learning_rate: float = 1.5e-3
    ema: float = 0.997
    motion_weight: float = 0.25
    """Weight of the error of the change from frame to frame, at one place."""
    along_weight: float = 0.0
    """Weight of the error of the change along the true motion."""
    background: float = 0.02
    at_zero: float = 0.25
    """Share of samples of a bridge at time 0: one step relies on them, more steps on the others."""
    half: bool = False
    """Compute in bfloat16; parameters, their average and the optimizer stay float32."""
    resident: bool = False
    """Keep all clips in the memory of the device and cut batches there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"give exactly one of steps ({self.steps}) and minutes ({self.minutes}).")
        if self.objective not in ("bridge", "regression", "flow"):
            raise ValueError(f"objective is {self.objective!r}, expected bridge, regression or flow.")
        _share("at_zero", self.at_zero)

    @property
    def with_edges(self) -> bool:
        """Whether the network paints outlines."""
        from i2v.models.aligned import AlignedConfig

        return isinstance(self.network, AlignedConfig)

    def said(self) -> dict[str, Any]:
        """As plain data; what a run can be resumed with is the same."""
        from i2v.models.bundled import kind_of

        return {**asdict(self), "network": {"kind": kind_of(self.network), **asdict(self.network)}}


@dataclass(frozen=True, kw_only=True)
class WanTrainConfig(RunConfig):
    """A run of Wan. The number of clips in a step is ``batch`` times ``accumulate``."""

    accumulate: int = 1
    """Batches whose gradients are added up before an update."""
    shift: float = 3.0
    drop: float = 0.1
    """Share of the examples that are told nothing."""
    degradation: tuple[float, float] = (0.0, 1.0)
    """Carried noise: bounds of the share of fresh noise."""
    noise_stride: int = 4
    """Frames per latent frame, for carried noise."""
    remat: bool = False
    """Compute activations inside blocks again in the backward pass."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is None:
            raise ValueError("steps is not given, expected the length of the run.")
        if self.accumulate < 1:
            raise ValueError(f"accumulate is {self.accumulate}, expected at least 1.")
        _share("drop", self.drop)


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}, expected a share from 0 to 1.")
