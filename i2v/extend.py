"""Continue a clip: the shot that made it, told to go on, with the same state, look and seeds.

Everything is simulated again from the first frame, which gives the same states to the bit, so what follows the old end
is what one longer run gives, and the new file holds both. Camera moves that ended with the clip still end there.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from physim.shot import Shot, later_keys
from physim.shot_file import ShotError, load

SIDECAR = ".shot.resolved.yaml"
MAX_SECONDS = 600.0


def longer(shot: Shot, seconds: float, then: Mapping[str, Any] | None = None) -> Shot:
    """The shot that goes on for ``seconds`` more.

    Args:
        shot: What was made.
        seconds: How much longer [s].
        then: What happens in the new part: ``camera`` moves and ``forces`` as in a shot file, their times counted from
            the old end.

    Raises:
        ValueError: No time to add, or a field of ``then`` that is neither of the two.
        physim.shot_file.ShotError: A longer shot that cannot be.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"the clip is to go on for {seconds:g} s, expected more than 0 and at most {MAX_SECONDS:g}.")
    more = dict(then or {})
    unknown = sorted(more.keys() - {"camera", "forces"})
    if unknown:
        raise ValueError(f"what follows has {', '.join(unknown)}, expected `camera` and `forces`.")
    data = shot.to_dict()
    end = shot.seconds
    camera = [_ended(move, next((cut for cut in shot.cuts if cut > _begins(move)), end)) for move in data["camera"]]
    camera += [_later(move, end, seconds) for move in more.get("camera", [])]
    forces = data["forces"] + [_force_later(force, end) for force in more.get("forces", [])]
    from i2v.animate import revised  # brings the simulation along, so not at the top

    return revised(shot, {"seconds": end + seconds, "camera": camera, "forces": forces}, "the longer shot")


def shot_of(video: str | os.PathLike) -> Shot:
    """The shot that made a video: a shot file itself, the resolved shot beside it, or the one inside of it.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A video that does not carry its shot.
        physim.shot_file.ShotError: A shot that no longer can be, for example because its photo has gone.
    """
    path = Path(video)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a video made by `i2v animate`, or a shot file.")
    if path.suffix.lower() in (".yaml", ".yml", ".json", ".toml"):
        return load(path)
    beside = path.with_name(path.stem + SIDECAR)
    if beside.is_file():
        return load(beside)
    text = _comment(path)
    if "photo:" not in text:
        raise ValueError(f"{path} does not say how it was made, and there is no {beside.name} beside it.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "shot.yaml"
        copy.write_text(_placed(text, path.parent), encoding="utf-8")
        try:
            return load(copy)
        except ShotError as error:
            raise ValueError(f"the shot inside {path} cannot be run again: {error}") from None


def _placed(text: str, folder: Path) -> str:
    """Relative names of files in the shot begin at the video's folder."""
    import yaml

    data = yaml.safe_load(text)

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str) and len(value) < 1000 and "\n" not in value and (folder / value).is_file():
            return str((folder / value).resolve())
        return value

    return yaml.safe_dump(walk(data), allow_unicode=True)


def _comment(path: Path) -> str:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", f"file:{path}", "-f", "ffmetadata", "pipe:1"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    text = done.stdout.decode("utf-8", errors="replace")
    found = text.partition("comment=")[2]
    lines = []
    for line in found.split("\n"):
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            break
    plain = "\n".join(lines)
    for sign in "=;#\\":
        plain = plain.replace("\\" + sign, sign)
    return plain


def _begins(move: Mapping[str, Any]) -> float:
    """When a move begins [s]."""
    return float(move["keys"][0]["at"] if move.get("keys") else move.get("from", 0.0))


def _ended(move: dict[str, Any], end: float) -> dict[str, Any]:
    """A move that ended with the shot ends there still; a hand goes on swaying, keys bring their own times."""
    open_ended = move.get("to") is None and move["move"] not in ("handheld", "keys")
    kept = {key: value for key, value in move.items() if value is not None}
    if move["move"] == "keys":
        kept = {key: value for key, value in kept.items() if key not in ("from", "to", "ease")}
    return kept | ({"to": end} if open_ended else {})


def _later(move: Mapping[str, Any], end: float, seconds: float) -> dict[str, Any]:
    if move.get("move") == "keys":
        return {**move, "keys": [{**key, "at": key["at"] + end} for key in move["keys"]]}
    return {**move, "from": float(move.get("from", 0.0)) + end, "to": float(move.get("to") or seconds) + end}


def _force_later(force: Mapping[str, Any], end: float) -> dict[str, Any]:
    if "wind" in force:
        blow = dict(force["wind"])
        late = {"to": float(blow["to"]) + end} if blow.get("to") is not None else {}
        velocity = later_keys(blow.get("velocity"), end)
        return {"wind": {**blow, "velocity": velocity, "from": float(blow.get("from", 0.0)) + end, **late}}
    if force.get("push") is not None:
        lasting = dict(force["push"])
        late = {"to": float(lasting["to"]) + end} if lasting.get("to") is not None else {}
        newtons = later_keys(lasting.get("newtons"), end)
        return {"push": {**lasting, "newtons": newtons, "from": float(lasting.get("from", 0.0)) + end, **late}}
    push = dict(force.get("impulse", {}))
    return {"impulse": {**push, "at": float(push.get("at", 0.0)) + end}}
