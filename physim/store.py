"""Folders that lie anywhere: a path of this machine, or a URL that fsspec knows (s3, gs, memory, ...).

A file is there whole or not at all: on this machine it is written beside and renamed; object stores put whole objects.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Folder:
    """A folder by path or URL, as plain text that other processes understand."""

    place: str

    @classmethod
    def of(cls, place: Folder | str | os.PathLike) -> Folder:
        """A folder; a path is taken from here on as it is now, whatever directory another process works in.

        Raises:
            ImportError: A URL without fsspec.
            ValueError: A URL of an unknown kind.
        """
        if isinstance(place, Folder):
            return place
        text = os.fspath(place)
        if "://" not in text:
            return cls(str(Path(text).absolute()))
        folder = cls(text.rstrip("/"))
        folder._remote()  # says at once what is missing
        return folder

    @property
    def local(self) -> Path | None:
        """The path, if it is one of this machine."""
        return None if "://" in self.place else Path(self.place)

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.place}/{name}")

    def __str__(self) -> str:
        return self.place

    def read(self, name: str) -> bytes | None:
        """What a file holds; ``None`` if there is none."""
        if self.local is not None:
            try:
                return (self.local / name).read_bytes()
            except FileNotFoundError:
                return None
        system, root = self._remote()
        try:
            return system.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes | str) -> None:
        """Write a file; an existing one is replaced when the new one is complete."""
        content = data.encode() if isinstance(data, str) else data
        if self.local is None:
            system, root = self._remote()
            system.makedirs(root, exist_ok=True)
            system.pipe_file(f"{root}/{name}", content)
            return
        target = self.local / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(content)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self.local is not None:
            (self.local / name).unlink(missing_ok=True)
            return
        system, root = self._remote()
        if system.exists(f"{root}/{name}"):
            system.rm_file(f"{root}/{name}")

    def exists(self, name: str) -> bool:
        if self.local is not None:
            return (self.local / name).is_file()
        system, root = self._remote()
        return bool(system.exists(f"{root}/{name}"))

    def _remote(self) -> tuple[Any, str]:
        try:
            import fsspec
        except ImportError as error:
            raise ImportError(f'{self.place} is a URL, which needs fsspec: pip install "physim[cluster]".') from error
        return fsspec.core.url_to_fs(self.place)
