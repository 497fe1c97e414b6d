"""What a run adds to its video so that it can be told where it comes from: mark, ledger entry, signature as the last.

Everything that can be wrong with keys, certificates and ledgers is found before the simulation. What still fails when
the video is finished never costs the video: it is at its place, and the error says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from i2v.media import ledger
from i2v.media.certificate import CredentialsError, load_certificate, make_test_certificate
from i2v.media.manifest import manifest_of, network_of, shot_hash
from i2v.media.watermark_pattern import id_number, load_key
from physim.shot import Shot, WatermarkSpec
from physim.shot_file import text_for


class Provenance:
    """Of one run.

    Args:
        shot: As it will run.
        target: The video.
        versions: Package → version.
        photo: The picture file that the shot names.
        record: Name of the shot, for its ledger beside the video; ``None``: this run is not recorded.
        report: What the conservation laws say, if it is known already.

    Raises:
        i2v.media.certificate.CredentialsError: A certificate or key that cannot sign.
        i2v.media.ledger.LedgerError: A ledger that cannot be continued.
        ValueError: A key or id of a watermark that cannot be used.
        ImportError: A signature is asked for without the extra ``credentials``.
    """

    def __init__(
        self,
        shot: Shot,
        target: Path,
        *,
        versions: Mapping[str, str],
        photo: Path,
        record: str | None = None,
        report: Mapping[str, float] | None = None,
    ) -> None:
        self.report = dict(report or {})
        self.shot = shot
        self.target = target
        self.versions = dict(versions)
        self.photo = photo
        self.signing = _signing(shot, target)
        self.mark = _mark(shot)
        self.ledger = None if record is None or not shot.output.ledger else target.with_name(f"{record}.ledger.json")
        self.entry: dict[str, Any] | None = None
        if self.ledger is not None:
            fields = yaml.safe_load(text_for(shot, self.ledger.with_suffix(".yaml")))
            also = {} if photo.name == str(shot.photo) or os.path.exists(shot.photo) else {"photo": photo}
            self.entry = ledger.entry(
                ledger.read(self.ledger), fields, versions=self.versions, folder=target.parent, also=also
            )

    @property
    def unsigned(self) -> Path:
        """Where the video is to be written: under its own name only if nothing is to follow."""
        return (
            self.target
            if self.signing is None
            else self.target.with_name(f"{self.target.stem}.unsigned{self.target.suffix}")
        )

    def marked(self, frames: Iterable[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
        """The frames (H, W, 3), with the mark if the shot asks for one."""
        if self.mark is None:
            yield from frames
            return
        from i2v.media.watermark import Marker

        yield from Marker(*self.mark, size).all(frames)

    def finish(self, report: Mapping[str, float] | None = None) -> None:
        """Sign the written video, give it its name, and append to the ledger.

        Raises:
            i2v.media.certificate.CredentialsError: It could not be signed; it is at its place without a signature.
            i2v.media.ledger.LedgerError: The ledger could not be written; the video is complete.
        """
        try:
            self._sign(self.report if report is None else report)
        except CredentialsError as error:
            os.replace(self.unsigned, self.target)
            raise CredentialsError(f"{error} The video is complete, without a signature: {self.target}.") from None
        except BaseException:
            if self.unsigned.exists():
                os.replace(self.unsigned, self.target)
            raise
        if self.ledger is not None and self.entry is not None:
            try:
                ledger.append(self.ledger, self.entry)
            except ledger.LedgerError as error:
                raise ledger.LedgerError(f"{error} The video is complete: {self.target}.") from None

    def _sign(self, report: Mapping[str, float]) -> None:
        if self.signing is None:
            return
        from i2v.media.credentials import sign

        manifest = manifest_of(
            self.shot,
            title=self.target.name,
            versions=self.versions,
            network=network_of(self.shot),
            report=report,
            watermark=None if self.mark is None else f"{self.mark[1]:012x}",
            ledger=None if self.entry is None else ledger.head(self.entry),
        )
        sign(self.unsigned, self.target, manifest, self.signing, photo=self.photo)
        self.unsigned.unlink()


def _signing(shot: Shot, target: Path) -> Any:
    spec = shot.output.credentials
    if spec is None:
        return None
    from i2v.media.credentials import check_signing, media_type

    media_type(target)  # not every kind of file can carry a signature
    signing = make_test_certificate().signing() if spec == "test" else load_certificate(spec.cert, spec.key)
    check_signing(signing)
    return signing


def _mark(shot: Shot) -> tuple[bytes, int] | None:
    """Key and number; the number's default is the first half of the shot's hash."""
    spec = shot.output.watermark
    if spec is False:
        return None
    spec = spec if isinstance(spec, WatermarkSpec) else WatermarkSpec()
    return load_key(spec.key), id_number(spec.id or shot_hash(shot)[:12])
