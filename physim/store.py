"""Folders that lie anywhere: a path of this machine, or a URL that fsspec knows (s3, gs, memory, ...).

A file is there whole or not at all: on this machine it is written beside and renamed; object stores put whole objects.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = "file://"
TOGETHER = 500
"""Files that are asked for at once."""


@dataclass(frozen=True)
class Folder:
    """A folder by path or URL, as plain text that other processes understand."""

    place: str
    """A full path, or a URL."""

    @classmethod
    def of(cls, place: Folder | str | os.PathLike) -> Folder:
        """A folder; a path is taken from here on as it is now, whatever directory another process works in.

        Args:
            place: A path, a URL, or a folder, which is given back.

        Raises:
            ImportError: A URL without fsspec.
            ValueError: A URL of an unknown kind.
        """
        if isinstance(place, Folder):
            return place
        text = os.fspath(place)
        if text.startswith(HERE):
            text = text.removeprefix(HERE)
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
        """What the file ``name`` holds; ``None`` if there is none."""
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

    def read_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """What files of these ``names`` hold, of those that are there. Object stores answer many questions at once."""
        if self.local is not None:
            return {name: data for name in names if (data := self.read(name)) is not None}
        system, root = self._remote()
        found: dict[str, bytes] = {}
        for first in range(0, len(names), TOGETHER):
            places = {f"{root}/{name}": name for name in names[first : first + TOGETHER]}
            answers = system.cat(list(places), on_error="return")
            for place, data in answers.items():
                if isinstance(data, bytes):
                    found[places[place]] = data
                elif not isinstance(data, FileNotFoundError):
                    raise data
        return found

    def names(self) -> set[str]:
        """Of all files in it and in its folders, with "/" between."""
        if self.local is not None:
            return {path.relative_to(self.local).as_posix() for path in self.local.rglob("*") if path.is_file()}
        system, root = self._remote()
        try:
            found = system.find(root)
        except FileNotFoundError:
            return set()
        return {path.removeprefix(root).lstrip("/") for path in found}

    def send(self, file: Path, name: str) -> None:
        """Write what ``file``, one of this machine, holds to ``name``; it need not fit into memory."""
        if self.local is not None:
            with _replacing(self.local / name) as part:
                shutil.copyfile(file, part)
            return
        self._put(name, lambda system, place: system.put_file(str(file), place))

    def write(self, name: str, data: bytes | str) -> None:
        """Write ``data`` to the file ``name``; an existing one is replaced when the new one is complete."""
        content = data.encode() if isinstance(data, str) else data
        if self.local is not None:
            with _replacing(self.local / name) as part:
                part.write_bytes(content)
            return
        self._put(name, lambda system, place: system.pipe_file(place, content))

    def _put(self, name: str, put: Callable[[Any, str], None]) -> None:
        system, root = self._remote()
        place = f"{root}/{name}"
        try:
            put(system, place)
        except FileNotFoundError:  # object stores have no folders; where there are some, they want to be made
            system.makedirs(place.rpartition("/")[0], exist_ok=True)
            put(system, place)

    def remove(self, name: str) -> None:
        """Remove the file ``name``, if it is there."""
        if self.local is not None:
            (self.local / name).unlink(missing_ok=True)
            return
        system, root = self._remote()
        try:
            system.rm_file(f"{root}/{name}")
        except FileNotFoundError:
            pass

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        if self.local is not None:
            return (self.local / name).is_file()
        system, root = self._remote()
        return bool(system.exists(f"{root}/{name}"))

    def clear(self) -> None:
        """Remove it with all it holds."""
        if self.local is not None:
            shutil.rmtree(self.local, ignore_errors=True)
            return
        system, root = self._remote()
        if system.exists(root):
            system.rm(root, recursive=True)

    def _remote(self) -> tuple[Any, str]:
        try:
            import fsspec
        except ImportError as error:
            raise ImportError(f'{self.place} is a URL, which needs fsspec: pip install "physim[cluster]".') from error
        try:
            return fsspec.core.url_to_fs(self.place)
        except ImportError as error:
            extra = "s3" if self.place.startswith("s3") else "cluster"
            raise ImportError(f'{self.place} cannot be reached ({error}): pip install "physim[{extra}]".') from error


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A file to write, which takes the place of ``target`` when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
