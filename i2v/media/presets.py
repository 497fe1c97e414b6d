"""What kinds of video there are: encoder, sampling of colour, container, and what they say about their colours."""

from __future__ import annotations

import functools
import re
import subprocess
from dataclasses import dataclass

import imageio_ffmpeg

THREADS = 8
"""Fixed, not the number of cores: encoders cut their work by threads, and the bytes must not depend on the machine."""


@dataclass(frozen=True)
class Preset:
    """One way of writing a video."""

    name: str
    encoder: str
    suffixes: tuple[str, ...]
    formats: dict[str, str]
    """Sampling of colour ('420', '422', '444') → pixel format; the first is the default."""
    bits: int
    options: tuple[str, ...]
    crf: str | None
    """Option that takes the quality; ``None``: it has a fixed one."""
    audio: str
    """Sound codec by default."""
    hdr: bool = False

    @property
    def takes_odd(self) -> bool:
        """Whether sizes may be odd with colour for several pixels, too: AV1 and ProRes round their planes up."""
        return self.encoder not in ("libx264", "libx265")

    @property
    def tags(self) -> tuple[str, str, str]:
        """(primaries, transfer, matrix) in ffmpeg's names."""
        return ("bt2020", "smpte2084", "bt2020nc") if self.hdr else ("bt709", "bt709", "bt709")


_X265 = f"pools={THREADS}:frame-threads=2:log-level=error:repeat-headers=1"
_MASTER = "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50)"  # P3 D65, 1000 to 0.005 cd/m^2

PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset(
            "web", "libx264", (".mp4", ".mov"), {"420": "yuv420p", "422": "yuv422p", "444": "yuv444p"}, 8,
            ("-preset", "medium", "-threads", str(THREADS)), "-crf", "aac",
        ),
        Preset(
            "hevc10", "libx265", (".mp4", ".mov"),
            {"420": "yuv420p10le", "422": "yuv422p10le", "444": "yuv444p10le"}, 10,
            ("-preset", "medium", "-tag:v", "hvc1", "-x265-params", _X265), "-crf", "aac",
        ),
        Preset(
            "av1", "libsvtav1", (".mp4",), {"420": "yuv420p10le"}, 10,
            ("-preset", "8", "-svtav1-params", "lp=4"), "-crf", "aac",
        ),
        Preset(
            "prores", "prores_ks", (".mov",), {"422": "yuv422p10le", "444": "yuv444p10le"}, 10,
            ("-vendor", "apl0", "-threads", str(THREADS)), None, "pcm",
        ),
        Preset(
            "hdr10", "libx265", (".mp4", ".mov"), {"420": "yuv420p10le", "444": "yuv444p10le"}, 10,
            ("-preset", "medium", "-tag:v", "hvc1", "-x265-params",
             f"{_X265}:hdr10=1:hdr10-opt=1:master-display={_MASTER}:max-cll=1000,203"),
            "-crf", "aac", True,
        ),
    )
}  # fmt: skip
SEQUENCES = ("png", "exr")
"""Kinds that are folders of pictures."""
AUDIO = {"aac": ("-c:a", "aac", "-b:a", "256k"), "flac": ("-c:a", "flac"), "pcm": ("-c:a", "pcm_s24le")}
SOUND_IN = {".mp4": ("aac", "flac"), ".mov": ("aac", "pcm")}
"""Codecs by the container's suffix."""


@functools.cache
def encoders() -> frozenset[str]:
    """Names of the encoders that the ffmpeg program has.

    Raises:
        RuntimeError: There is no ffmpeg.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-encoders"]
    text = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60).stdout
    return frozenset(re.findall(r"^ [VASF][.FSXBD]{5} (\S+)", text, flags=re.MULTILINE))


def available() -> list[str]:
    """Presets whose encoder is there."""
    return [name for name, preset in PRESETS.items() if preset.encoder in encoders()]
