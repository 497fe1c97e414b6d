"""Text → numbers of tokens, as UMT5 was trained: SentencePiece's unigram model, read and run here.

A text is normalised by the model's own table (a double-array trie from bytes to replacements), spaces become "▁", and
of all ways to cut it into known pieces the one with the largest sum of scores is taken (Viterbi). A character that no
piece covers becomes its bytes.

Source: Kudo, Subword Regularization (ACL 2018), section 3.2; Kudo and Richardson, SentencePiece (EMNLP 2018); Yata's
double-array trie with one label and one offset per 32-bit unit (Darts-clone).
"""

from __future__ import annotations

import base64
import html
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SPACE = "▁"
_UNKNOWN_PENALTY = 10.0
_NORMAL, _UNKNOWN, _CONTROL, _USER, _UNUSED, _BYTE = range(1, 7)


@dataclass(frozen=True)
class Pieces:
    """What a tokenizer's file says."""

    names: list[str]
    scores: list[float]
    kinds: list[int]
    table: bytes
    """Normalisation: size of the trie, the trie, replacements that end with a zero byte. Empty: none."""
    prefix: bool = True
    """A space is put before the text."""
    squeeze: bool = True
    """Spaces at the ends are dropped, several become one."""


class Tokenizer:
    """Encodes prompts; see :func:`load_tokenizer`.

    Args:
        pieces: What the file says.
        end: Number of the token put after the text.
        padding: Number of the token that fills up.
    """

    def __init__(self, pieces: Pieces, *, end: int = 1, padding: int = 0) -> None:
        self.pieces, self.end, self.padding = pieces, end, padding
        usable = (_NORMAL, _USER, _UNUSED)
        self._number = {name: i for i, name in enumerate(pieces.names) if pieces.kinds[i] in usable}
        self._longest = max(map(len, self._number), default=1)
        normal = [s for s, kind in zip(pieces.scores, pieces.kinds, strict=True) if kind == _NORMAL]
        self._least, self._largest = min(normal, default=0.0), max(normal, default=0.0)
        self._bytes = {int(n[3:5], 16): i for i, n in enumerate(pieces.names) if pieces.kinds[i] == _BYTE}
        self._unknown = next((i for i, kind in enumerate(pieces.kinds) if kind == _UNKNOWN), 0)
        self._trie, self._replacements = _split_table(pieces.table)

    def __call__(self, texts: str | list[str], *, length: int = 512) -> tuple[np.ndarray, np.ndarray]:
        """Prompts, cleaned, encoded, cut or filled up to ``length``.

        Returns:
            Numbers (b, length) int32, and where the text is (b, length) bool, its end token included.
        """
        texts = [texts] if isinstance(texts, str) else texts
        numbers = np.full((len(texts), length), self.padding, np.int32)
        seen = np.zeros((len(texts), length), bool)
        for row, text in enumerate(texts):
            found = [*self.encode(cleaned(text))[: length - 1], self.end]
            numbers[row, : len(found)], seen[row, : len(found)] = found, True
        return numbers, seen

    def encode(self, text: str) -> list[int]:
        """Numbers of one text, without its end token."""
        found = []
        for piece, number in self._best(self.normalised(text)):
            if number is not None:
                found.append(number)
            elif self._bytes:
                found += [self._bytes[value] for value in piece.encode()]
            elif not found or found[-1] != self._unknown:
                found.append(self._unknown)  # neighbours that are unknown are one
        return found

    def normalised(self, text: str) -> str:
        """The text as it is cut: replaced by the table, spaces as "▁"."""
        parts = list(self._replaced(text.encode()))
        if self.pieces.squeeze:
            whole = " ".join(word for word in "".join(parts).split(" ") if word)
        else:
            whole = "".join(parts)
        if not whole:
            return ""
        return ((" " if self.pieces.prefix else "") + whole).replace(" ", SPACE)

    def _replaced(self, data: bytes) -> Iterator[str]:
        """Longest matches of the trie replaced, everything else as it is."""
        at = 0
        while at < len(data):
            length, start = self._match(data, at)
            if length:
                yield self._replacements[start : self._replacements.index(b"\0", start)].decode()
            else:
                length = 1 + (data[at] >= 0xC0) + (data[at] >= 0xE0) + (data[at] >= 0xF0)
                yield data[at : at + length].decode(errors="replace")
            at += length

    def _match(self, data: bytes, at: int) -> tuple[int, int]:
        """(length, start of the replacement) of the longest key at a place; length 0: none."""
        if not len(self._trie):
            return 0, 0
        node, found = _offset(int(self._trie[0])), (0, 0)
        for place in range(at, len(data)):
            node ^= data[place]
            if node >= len(self._trie):
                break
            unit = int(self._trie[node])
            if unit & 0x800000FF != data[place]:
                break
            node ^= _offset(unit)
            if unit >> 8 & 1:
                found = place + 1 - at, int(self._trie[node]) & 0x7FFFFFFF
        return found

    def _best(self, text: str) -> list[tuple[str, int | None]]:
        """Pieces and their numbers, ``None`` for what is unknown."""
        best = [0.0] + [-np.inf] * len(text)
        came: list[tuple[int, int | None]] = [(0, None)] * (len(text) + 1)
        for start in range(len(text)):
            single = False
            for stop in range(start + 1, min(len(text), start + self._longest) + 1):
                number = self._number.get(text[start:stop])
                if number is None or self.pieces.kinds[number] == _UNUSED:
                    continue
                single = single or stop == start + 1
                score = self.pieces.scores[number]
                if self.pieces.kinds[number] == _USER:  # these always win
                    score = len(text[start:stop].encode()) * self._largest - 0.1
                if best[start] + score > best[stop]:
                    best[stop], came[stop] = best[start] + score, (start, number)
            unknown = best[start] + self._least - _UNKNOWN_PENALTY
            if not single and unknown > best[start + 1]:
                best[start + 1], came[start + 1] = unknown, (start, None)
        found = []
        stop = len(text)
        while stop:
            start, number = came[stop]
            found.append((text[start:stop], number))
            stop = start
        return found[::-1]


def cleaned(text: str) -> str:
    """A prompt as Wan was trained with: HTML's signs resolved, white space single."""
    return " ".join(html.unescape(html.unescape(text)).split())


def load_tokenizer(path: str | os.PathLike) -> Tokenizer:
    """From ``spiece.model`` or ``tokenizer.json``, or a folder with one of them.

    Raises:
        FileNotFoundError: Neither is there.
        ValueError: A file that is neither.
    """
    path = Path(path)
    if path.is_dir():
        known = [path / name for name in ("spiece.model", "tokenizer.model", "tokenizer.json")]
        found = [file for file in known if file.is_file()]
        if not found:
            raise FileNotFoundError(f"{path} has neither spiece.model nor tokenizer.json; one comes with the weights.")
        path = found[0]
    data = path.read_bytes()
    try:
        return Tokenizer(_from_json(data) if path.suffix == ".json" else _from_model(data))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise ValueError(f"{path} is no unigram tokenizer ({error}); fetch it again.") from error


def _split_table(table: bytes) -> tuple[np.ndarray, bytes]:
    if not table:
        return np.zeros(0, "<u4"), b""
    (size,) = struct.unpack_from("<I", table)
    return np.frombuffer(table[4 : 4 + size], "<u4"), table[4 + size :]


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


def _from_json(data: bytes) -> Pieces:
    told = json.loads(data)
    model = told["model"]
    names = [str(piece) for piece, _ in model["vocab"]]
    special = {token["content"] for token in told.get("added_tokens", []) if token.get("special")}
    kinds = [
        _BYTE if model.get("byte_fallback") and _is_byte(name) else _CONTROL if name in special else _NORMAL
        for name in names
    ]
    if model.get("unk_id") is not None:
        kinds[model["unk_id"]] = _UNKNOWN
    normalizer = told.get("normalizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    table = next((step["precompiled_charsmap"] for step in steps if step.get("type") == "Precompiled"), "")
    return Pieces(names, [float(score) for _, score in model["vocab"]], kinds, base64.b64decode(table or ""))


def _is_byte(name: str) -> bool:
    return len(name) == 6 and name.startswith("<0x") and name.endswith(">")


def _from_model(data: bytes) -> Pieces:
    """The protocol buffer of SentencePiece: field 1 pieces (name 1, score 2, kind 3), field 3 normalisation."""
    names, scores, kinds, settings = [], [], [], {}
    for number, value in _fields(data):
        if number == 1:
            piece = dict(_fields(value))
            names.append(piece[1].decode())
            scores.append(struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0)
            kinds.append(piece.get(3, _NORMAL))
        elif number == 3:
            settings = dict(_fields(value))
    if not names:
        raise ValueError("it has no pieces")
    return Pieces(names, scores, kinds, settings.get(2, b""), bool(settings.get(3, 1)), bool(settings.get(4, 1)))


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(number, value) of the fields of a message: numbers for varints, bytes for the rest."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("it is no protocol buffer")
        if at + size > len(data):
            raise ValueError("it ends too early")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
