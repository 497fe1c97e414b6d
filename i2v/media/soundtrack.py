"""The sound of a video as files: a WAV that the writer takes in, and stems beside the video."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from i2v.media.sound import Mix, Sound, synthesize
from i2v.media.sound_file import read_wav, write_wav
from physim.audible import Audible
from physim.progress import Progress
from physim.shot import AudioSpec


def mix_of(spec: AudioSpec, seed: int) -> Mix:
    """What a shot says about its sound, with the recordings read.

    Raises:
        ValueError: A recording that is no WAV file.
    """
    recordings = {each.material: read_wav(each.file) for each in spec.recordings}
    return Mix(loudness=spec.loudness, tone=spec.tone, recordings=recordings, seed=seed)


@contextmanager
def soundtrack(
    make: Callable[[], Audible],
    spec: AudioSpec,
    *,
    mix: Mix,
    seconds: float,
    target: Path,
    progress: Progress | None = None,
) -> Iterator[Path | None]:
    """The sound as a WAV file, for as long as the video is written; ``None`` if it could not be made.

    A video is never lost for its sound: whatever goes wrong here is warned of, and the video is silent.

    Args:
        make: Gives what can be heard.
        spec: What the shot says.
        mix: Of :func:`mix_of`.
        seconds: Length of the video.
        target: The video; stems are named after it.
        progress: Called with ('bodies', fraction done); see :mod:`physim.progress`.
    """
    with tempfile.TemporaryDirectory(prefix="i2v-sound-") as folder:
        try:
            sound = synthesize(make(), mix, seconds=seconds, progress=progress)
            path: Path | None = write_wav(Path(folder) / "sound.wav", sound.samples, sound.rate)
            if spec.stems:
                write_stems(sound, target)
        except Exception as error:  # see above
            warnings.warn(f"{target.name} is silent: its sound could not be made ({error}).", stacklevel=2)
            path = None
        yield path


def write_stems(sound: Sound, video: str | os.PathLike) -> list[Path]:
    """The whole and its parts as WAV files beside a video: ``cup.mp4`` → ``cup.sound.wav``, ``cup.blows.wav``, ..."""
    video = Path(video)
    files = {"sound": sound.samples, **sound.stems}
    video.parent.mkdir(parents=True, exist_ok=True)
    return [write_wav(video.with_name(f"{video.stem}.{name}.wav"), part, sound.rate) for name, part in files.items()]
