"""Words of the shot file for where a video comes from: signature and watermark. Public in :mod:`physim.shot`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from physim.shot_model import Model


class CertificateSpec(Model):
    """Who signs. Only the names of the files are kept in the shot, never what is in them."""

    cert: Path = Field(description="PEM file: the certificate that signs, then those that lead to its authority")
    key: Path = Field(description="PEM file: the private key of that certificate, not encrypted")


class WatermarkSpec(Model):
    """An invisible mark in every frame. The key itself is never written into the shot."""

    key: Path | None = Field(
        default=None, description="file whose bytes are the secret key; default: an open key that anyone can read"
    )
    id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{1,12}$",
        description="number that the mark carries, up to 12 hexadecimal digits; default: the first of the shot's hash",
    )
