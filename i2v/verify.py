"""What a file can tell about where it comes from: its signature, its watermark, its ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from i2v.media import ledger
from i2v.media.certificate import CredentialsError
from i2v.media.credentials import Credentials, read
from i2v.media.watermark_pattern import OPEN_KEY, load_key

FRAMES = 48
"""Most frames of a clip that are looked at for a watermark."""
MAX_SIDE = 16_384
"""Largest picture that is looked at [pixels]."""
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi")


@dataclass(frozen=True)
class Findings:
    """What was found; ``sound`` says whether something is wrong with it."""

    path: Path
    credentials: Credentials
    mark: Any
    """:class:`i2v.media.watermark_detect.Mark`, or ``None`` if the frames could not be read."""
    mark_note: str
    ledger: list[dict[str, Any]] | None
    """Entries; ``None``: there is no ledger."""
    ledger_note: str

    @property
    def sound(self) -> bool:
        """Neither the signature nor the ledger was broken."""
        return self.credentials.state != "invalid" and not self.ledger_note.startswith("broken")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        mark = None
        if self.mark is not None:
            mark = {k: v for k, v in asdict(self.mark).items() if k != "bits"}
        runs = None if self.ledger is None else len(self.ledger)
        return {
            "path": str(self.path),
            "sound": self.sound,
            "credentials": asdict(self.credentials),
            "watermark": {"found": mark, "note": self.mark_note},
            "ledger": {"runs": runs, "note": self.ledger_note},
        }

    def lines(self) -> list[tuple[str, str]]:
        """Topic and text, for people."""
        told = self.credentials
        explained = {
            "trusted": f"trusted: {told.signer}, issued by {told.issuer}",
            "valid, unknown signer": f"valid, unknown signer: {told.signer}. Unchanged since it was signed, but nobody "
            "you named vouches for the signer (--trust AUTHORITY.pem)",
            "invalid": f"INVALID: {', '.join(told.failures) or 'changed since it was signed'}",
            "none": "none: the file carries no signature, or another program dropped it",
        }
        rows = [("credentials", explained[told.state])]
        if told.generator:
            rows.append(("made by", told.generator))
        rows += [("source type", kind) for kind in dict.fromkeys(told.source_types)]
        rows += [("made from", name) for name in told.ingredients]
        rows += [("action", _action(action)) for action in told.actions]
        return [*rows, ("watermark", self.mark_note), ("ledger", self.ledger_note)]


def verify(
    path: str | os.PathLike,
    *,
    trust: str | os.PathLike | None = None,
    key: str | os.PathLike | None = None,
    ledger_file: str | os.PathLike | None = None,
) -> Findings:
    """Read everything a file says about itself.

    Args:
        path: A video or picture.
        trust: PEM file with the authorities that are trusted.
        key: Key file of the watermark; ``None``: the open key.
        ledger_file: Its ledger; ``None``: the one beside it.

    Raises:
        FileNotFoundError: No such file.
        CredentialsError: ``trust`` cannot be read.
        ValueError: ``key`` cannot be used.
        ImportError: The extra ``credentials`` is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a video or picture.")
    secret = load_key(key)
    told = read(path, trust=None if trust is None else _trusted(Path(trust)))
    mark, note = _watermark(path, secret)
    entries, ledger_note = _ledger(path, told, None if ledger_file is None else Path(ledger_file))
    return Findings(path, told, mark, note, entries, ledger_note)


def _trusted(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialsError(f"{path} may not be read: {error.strerror}, expected PEM certificates.") from None


def _watermark(path: Path, key: bytes) -> tuple[Any, str]:
    from i2v.media.watermark_detect import detect

    kind = "the open key" if key == OPEN_KEY else "this key"
    try:
        mark = detect(_frames(path), key)
    except (OSError, ValueError, RuntimeError, SyntaxError, StopIteration) as error:
        reason = (str(error) or type(error).__name__).strip().splitlines()[-1][:200]
        return None, f"not looked for: the pictures cannot be read ({reason})"
    if not mark.found:
        return mark, f"none of {kind} (correlation {mark.height:.1f} standard deviations)"
    mirrored = ", mirrored" if mark.mirrored else ""
    text = f"{mark.id}, confidence {mark.confidence:.3f}, {kind}, in {mark.frames} frames, scale {mark.scale:.3f}"
    forged = "; anyone can have put it there" if key == OPEN_KEY else ""
    return mark, text + mirrored + forged


def _frames(path: Path) -> Iterator[np.ndarray]:
    if path.suffix.lower() not in VIDEOS:
        import imageio.v3 as iio

        picture = np.asarray(iio.imread(path))
        if picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        yield picture[..., :3] if picture.dtype == np.uint8 else (picture[..., :3] / 65535.0).astype(np.float32)
        return
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(os.fspath(path), pix_fmt="rgb24")
    told = next(reader)
    width, height = told["size"]
    if not 0 < max(width, height) <= MAX_SIDE:
        raise ValueError(f"frames of {width} x {height}")
    stride = max(1, int(told["duration"] * told["fps"]) // FRAMES)
    for i, data in enumerate(reader):
        if i % stride == 0 and i < stride * FRAMES:
            yield np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)


def _ledger(path: Path, told: Credentials, given: Path | None) -> tuple[list[dict[str, Any]] | None, str]:
    claimed = told.assertions.get("org.physim.ledger")
    named = claimed.get("hash") if isinstance(claimed, dict) else None
    places = [given] if given is not None else sorted(path.parent.glob("*.ledger.json"))[:50]
    note = "none beside the file"
    for place in places:
        try:
            entries = ledger.read(place)
        except ledger.LedgerError as error:
            if given is not None or place.name == f"{path.stem}.ledger.json":
                return None, f"broken: {error}"
            continue
        if not entries:
            continue
        if named is not None and any(entry["hash"] == named for entry in entries):
            run = next(entry["run"] for entry in entries if entry["hash"] == named)
            return entries, f"{place.name}: {len(entries)} runs, unbroken; the signed file is of run {run}"
        if given is not None or place.name == f"{path.stem}.ledger.json":
            bond = "the signed file names another" if named else "nothing signed ties the file to it"
            return entries, f"{place.name}: {len(entries)} runs, unbroken; {bond}"
    return None, note + (", though the signed file names one" if named else "")


def _action(action: dict[str, Any]) -> str:
    parameters = {k.removeprefix("org.physim."): v for k, v in action["parameters"].items() if k != "ingredients"}
    shown = "; ".join(f"{k}: {_short(v)}" for k, v in parameters.items())
    return " ".join(part for part in (action["action"], action["description"], f"({shown})" if shown else "") if part)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
