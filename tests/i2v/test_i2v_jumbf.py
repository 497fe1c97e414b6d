"""Signed files read by a second program: boxes, hashes and signature found and recomputed without the library."""

import hashlib

import jumbf_walk as walk
import numpy as np
import pytest
from test_i2v_credentials import COFFEE, SHOT, manifest

from i2v.media.certificate import make_test_certificate
from i2v.media.credentials import sign
from i2v.media.manifest import VOCABULARY, shot_hash
from i2v.media.video import VideoWriter


@pytest.fixture(scope="module")
def certificate():
    return make_test_certificate()


@pytest.fixture(scope="module", params=["mp4", "mov", "png"])
def signed(request, certificate, tmp_path_factory):
    """Bytes of a signed file."""
    folder = tmp_path_factory.mktemp("signed")
    source = COFFEE
    if request.param != "png":
        source = folder / f"plain.{request.param}"
        with VideoWriter(source, (96, 128), 24) as writer:
            for i in range(6):
                writer.write(np.full((96, 128, 3), 40 * i, np.uint8))
    target = folder / f"signed.{request.param}"
    sign(source, target, manifest(watermark="00000000abcd"), certificate.signing(), photo=COFFEE)
    return target.read_bytes()


def parts(data):
    """Assertions by label, the claim, and the signature of the one manifest."""
    store = walk.superbox(walk.store_of(data)[0])
    assert (store.kind, store.label) == ("store", "c2pa")
    (found,) = store.of("manifest")
    assertions = found["c2pa.assertions"]
    assert assertions.kind == "assertions"
    assert found["c2pa.claim.v2"].kind == "claim" and found["c2pa.signature"].kind == "signature"
    return {box.label: box for box in assertions.boxes}, found["c2pa.claim.v2"], found["c2pa.signature"]


def binding(data, assertions):
    """What the file's hash should be, and what it is."""
    label = next(label for label in assertions if label.startswith("c2pa.hash."))
    told = walk.cbor(assertions[label].content)
    if label == "c2pa.hash.data":
        ranges = [(one["start"], one["length"]) for one in told["exclusions"]]
        start, end = walk.store_of(data)[1]
        assert ranges == [(start, end - start)], "more than the store itself is left out of the hash"
        return told["hash"], walk.hash_of_bytes(data, ranges)
    assert {rule["xpath"] for rule in told["exclusions"]} <= {"/uuid", "/ftyp", "/mfra", "/free", "/skip"}
    return told["hash"], walk.hash_of_boxes(data, told["exclusions"])


def test_the_hash_of_the_file_is_that_of_its_bytes_outside_of_the_store(signed):
    assertions, _, _ = parts(signed)
    told, found = binding(signed, assertions)
    assert told == found
    changed = bytearray(signed)
    changed[-100] ^= 1
    assert binding(bytes(changed), assertions)[1] != told


def test_the_claim_names_every_assertion_with_its_hash(signed):
    assertions, claim, _ = parts(signed)
    told = walk.cbor(claim.content)
    links = told["created_assertions"] + told.get("gathered_assertions", [])
    assert {link["url"].split("/")[-1] for link in links} == set(assertions)
    for link in links:
        assert hashlib.sha256(assertions[link["url"].split("/")[-1]].inner).digest() == link["hash"]
    assert told["alg"] == "sha256"


def test_the_signature_over_the_claim_is_the_certificates(signed, certificate):
    """COSE_Sign1 with ES256: the claim is the detached payload, r and s are 32 bytes each."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    _, claim, signature = parts(signed)
    protected, _, payload, raw = walk.cbor(signature.content)
    assert payload is None and len(raw) == 64
    header = walk.cbor(protected)
    assert header[1] == -7  # ES256
    chain = header[33] if isinstance(header[33], list) else [header[33]]
    leaf = x509.load_der_x509_certificate(chain[0])

    def encoded(piece):  # head of a CBOR text or byte string
        kind = 0x60 if isinstance(piece, str) else 0x40
        value = piece.encode() if isinstance(piece, str) else piece
        size = len(value)
        if size < 24:
            return bytes([kind + size]) + value
        width = 1 if size < 256 else 2 if size < 65536 else 4
        return bytes([kind + {1: 24, 2: 25, 4: 26}[width]]) + size.to_bytes(width, "big") + value

    def verify(content):
        signed_bytes = b"\x84" + b"".join(map(encoded, ("Signature1", protected, b"", content)))
        pair = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        leaf.public_key().verify(pair, signed_bytes, ec.ECDSA(hashes.SHA256()))

    verify(claim.content)
    with pytest.raises(InvalidSignature):
        verify(claim.content[:-1] + bytes([claim.content[-1] ^ 1]))
    authority = x509.load_pem_x509_certificate(certificate.authority)
    leaf.verify_directly_issued_by(authority)


def test_what_was_done_can_be_read_without_the_library(signed):
    assertions, _, _ = parts(signed)
    actions = walk.cbor(assertions["c2pa.actions.v2"].content)["actions"]
    assert [a["action"] for a in actions] == ["c2pa.created", "c2pa.placed", "c2pa.edited", "c2pa.watermarked"]
    assert actions[0]["digitalSourceType"] == VOCABULARY + "compositeSynthetic"  # no network ran
    simulation = walk.cbor(assertions["org.physim.simulation"].content)
    assert simulation["shot_sha256"] == shot_hash(SHOT) and simulation["seed"] == 7


def test_values_of_the_standards_appendix_are_read():
    """RFC 8949, appendix A."""
    for text, value in (
        ("00", 0), ("1864", 100), ("1b000000e8d4a51000", 10**12), ("20", -1), ("3903e7", -1000), ("f90000", 0.0),
        ("fb3ff199999999999a", 1.1), ("f4", False), ("f6", None), ("4401020304", b"\1\2\3\4"), ("62c3bc", "ü"),
        ("8301820203820405", [1, [2, 3], [4, 5]]), ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("9f0102ff", [1, 2]), ("c11a514b67b0", 1363896240),
    ):  # fmt: skip
        assert walk.cbor(bytes.fromhex(text)) == value
