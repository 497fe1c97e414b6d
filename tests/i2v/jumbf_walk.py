"""A second reader of C2PA, after the specifications alone and with no code of the library that signs.

Boxes: ISO 19566-5 (JUMBF). Values: RFC 8949 (CBOR). Signature: RFC 9052 (COSE_Sign1). What is hashed and where the
store lies in a file: C2PA 2.2, sections 8.4.2, 9.1, 15.12, A.3, A.5.
"""

import hashlib
import struct
from dataclasses import dataclass, field

STORE_IN_MP4 = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
PNG = b"\x89PNG\r\n\x1a\n"
KINDS = {
    b"c2pa": "store", b"c2ma": "manifest", b"c2as": "assertions", b"c2cl": "claim", b"c2cs": "signature",
    b"cbor": "cbor", b"json": "json", b"c2vc": "credentials", b"c2um": "update manifest",
}  # fmt: skip


@dataclass
class Box:
    """A JUMBF superbox."""

    kind: str
    label: str
    inner: bytes
    """All but the header of 8 bytes: what hashes of assertions cover."""
    boxes: list = field(default_factory=list)
    """Superboxes in it."""
    content: bytes | None = None
    """Of the first box that is none."""

    def __getitem__(self, label):
        return next(box for box in self.boxes if box.label == label)

    def of(self, kind):
        return [box for box in self.boxes if box.kind == kind]


def plain_boxes(data, start=0):
    """(name, start, end of header, end) of boxes one after the other."""
    while start < len(data):
        size, name = struct.unpack_from(">I4s", data, start)
        head = start + 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], start + 16
        if size == 0:
            size = len(data) - start
        yield name, start, head, start + size
        start += size


def store_of(data):
    """The JUMBF of an MP4 or a PNG, and where (start, end) what holds it lies in the file."""
    if data.startswith(PNG):
        at = len(PNG)
        while at < len(data):
            size, name = struct.unpack_from(">I4s", data, at)
            if name == b"caBX":
                return data[at + 8 : at + 8 + size], (at, at + 12 + size)
            at += 12 + size
        raise ValueError("no caBX chunk")
    for name, start, head, end in plain_boxes(data):
        if name == b"uuid" and data[head : head + 16] == STORE_IN_MP4:
            rest = data[head + 16 + 4 : end]  # version and flags
            purpose, rest = rest.split(b"\0", 1)
            assert purpose == b"manifest"
            return rest[8:], (start, end)  # offset of the first auxiliary box
    raise ValueError("no uuid box of C2PA")


def superbox(data):
    """The superbox that begins here."""
    size, name = struct.unpack_from(">I4s", data, 0)
    assert name == b"jumb", name
    inner = data[8:size]
    (first, start, head, end), *others = plain_boxes(inner)
    assert (first, start) == (b"jumd", 0)
    told = inner[head:end]
    kind, toggles = told[:4], told[16]
    assert told[4:16] == bytes.fromhex("00110010800000aa00389b71")
    label = told[17:].split(b"\0", 1)[0].decode() if toggles & 2 else ""
    box = Box(KINDS.get(kind, kind.decode("latin1")), label, inner)
    for name, start, head, end in others:
        if name == b"jumb":
            box.boxes.append(superbox(inner[start:end]))
        elif box.content is None:
            box.content = inner[head:end]
    return box


def cbor(data):
    """The one value that is there."""
    value, end = _cbor(data, 0)
    assert end == len(data), "more than one value"
    return value


def _cbor(data, at):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if low < 24:
        number = low
    elif low < 28:
        width = 1 << (low - 24)
        number = int.from_bytes(data[at : at + width], "big")
        at += width
    else:
        assert low == 31, "reserved"
        number = None
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        assert number is not None, "texts in pieces are not used here"
        piece = bytes(data[at : at + number])
        return (piece if major == 2 else piece.decode()), at + number
    if major in (4, 5):
        items = []
        count = (number if major == 4 else 2 * number) if number is not None else None
        while count is None or len(items) < count:
            if count is None and data[at] == 0xFF:
                at += 1
                break
            item, at = _cbor(data, at)
            items.append(item)
        return (items if major == 4 else dict(zip(items[::2], items[1::2], strict=True))), at
    if major == 6:
        return _cbor(data, at)
    if low < 24:
        return {20: False, 21: True, 22: None, 23: None}[low], at
    kind = {25: ">e", 26: ">f", 27: ">d"}[low]
    return struct.unpack(kind, data[at - struct.calcsize(kind) : at])[0], at


def hash_of_bytes(data, exclusions):
    """SHA-256 over a file without ranges [(start, length), ...] (c2pa.hash.data)."""
    digest, at = hashlib.sha256(), 0
    for start, length in sorted(exclusions):
        digest.update(data[at:start])
        at = start + length
    digest.update(data[at:])
    return digest.digest()


def hash_of_boxes(data, exclusions):
    """SHA-256 over an MP4 without some boxes (c2pa.hash.bmff.v2, v3): before each box at the top its offset, 8 bytes.

    Exclusions here name whole boxes at the top, by path and, for `uuid`, by what they begin with.
    """
    digest = hashlib.sha256()
    for name, start, _head, end in plain_boxes(data):
        if not any(_excluded(data, name, start, end, one) for one in exclusions):
            digest.update(struct.pack(">Q", start))
            digest.update(data[start:end])
    return digest.digest()


def _excluded(data, name, start, end, rule):
    if rule["xpath"] != "/" + name.decode("latin1"):
        return False
    for part in rule.get("data") or []:
        at = start + part["offset"]
        if data[at : at + len(part["value"])] != part["value"]:
            return False
    assert not rule.get("subset"), "parts of boxes are not used here"
    return rule.get("length") in (None, end - start)
