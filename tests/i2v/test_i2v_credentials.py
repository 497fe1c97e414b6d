"""Signed files read back: by the library, after one flipped byte, by a stranger, with hostile contents."""

import datetime
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from i2v.media.certificate import CredentialsError, load_certificate, make_test_certificate
from i2v.media.credentials import check_signing, read, sign
from i2v.media.manifest import VOCABULARY, manifest_of, network_of, shot_hash, source_type
from i2v.media.video import VideoWriter
from physim import Shot

COFFEE = Path(skimage.__file__).parent / "data" / "coffee.png"
SHOT = Shot(
    photo=COFFEE,
    seconds=1,
    seed=7,
    things=[{"name": "ball", "shape": {"sphere": 0.03}, "at": [0, 0.4, -0.3], "rigid": {"material": "rubber"}}],
    forces=[{"wind": {"velocity": [1, 0, 0]}}],
)


@pytest.fixture(scope="module")
def certificate():
    return make_test_certificate()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A video and a picture without any signature."""
    folder = tmp_path_factory.mktemp("plain")
    with VideoWriter(folder / "clip.mp4", (96, 128), 24) as writer:
        for i in range(6):
            writer.write(np.full((96, 128, 3), 40 * i, np.uint8))
    shutil.copy(COFFEE, folder / "clip.png")
    return folder


def manifest(**changes):
    told = {"title": "clip", "versions": {"physim": "0.1"}, "network": None, "report": {"energy": 1e-9}}
    return manifest_of(SHOT, **(told | changes))


@pytest.mark.parametrize("suffix", ["mp4", "png"])
def test_a_signed_file_is_read_back_and_one_flipped_byte_makes_it_invalid(suffix, plain, certificate, tmp_path):
    source, target = plain / f"clip.{suffix}", tmp_path / f"signed.{suffix}"
    start = time.process_time()
    sign(source, target, manifest(watermark="00000000abcd"), certificate.signing(), photo=COFFEE)
    assert time.process_time() - start < 1.0
    assert target.stat().st_size - source.stat().st_size < 100_000

    told = read(target)
    assert told.state == "valid, unknown signer"
    assert told.failures == ["signingCredential.untrusted"]
    assert [a["action"] for a in told.actions] == ["c2pa.created", "c2pa.placed", "c2pa.edited", "c2pa.watermarked"]
    assert told.ingredients == ["coffee.png"]
    assert told.actions[2]["parameters"]["org.physim.materials"] == {"ball": "rigid, rubber"}
    assert told.assertions["org.physim.simulation"]["gravity"] == "0, -9.81, 0"
    assert told.assertions["org.physim.simulation"]["shot_sha256"] == shot_hash(SHOT)
    assert read(target, trust=certificate.authority).state == "trusted"
    assert read(target, trust=make_test_certificate().authority).state == "valid, unknown signer"

    data = bytearray(target.read_bytes())
    data[-100] ^= 1  # of the picture
    target.write_bytes(data)
    changed = read(target, trust=certificate.authority)
    assert changed.state == "invalid"
    assert any("mismatch" in code for code in changed.failures)
    assert read(source).state == "none"


def test_signing_leaves_the_source_alone_and_nothing_behind_when_it_fails(plain, certificate, tmp_path):
    before = (plain / "clip.mp4").read_bytes()
    broken = manifest()
    broken["assertions"][0]["data"]["actions"] = broken["assertions"][0]["data"]["actions"][
        1:
    ]  # begins with no creation
    with pytest.raises(CredentialsError, match="could not be signed"):
        sign(plain / "clip.mp4", tmp_path / "a.mp4", broken, certificate.signing(), photo=COFFEE)
    assert list(tmp_path.iterdir()) == []
    assert (plain / "clip.mp4").read_bytes() == before
    with pytest.raises(CredentialsError, match=r"not '\.gif'"):
        sign(plain / "clip.mp4", tmp_path / "a.gif", manifest(), certificate.signing())


def test_the_source_type_follows_what_ran():
    assert source_type(None, False) == "compositeSynthetic"
    assert source_type("bundled", False) == "compositeWithTrainedAlgorithmicMedia"
    assert source_type("wan", True) == "trainedAlgorithmicMedia"
    assert network_of(SHOT) == "bundled"
    assert network_of(SHOT.model_copy(update={"generate": SHOT.generate.model_copy(update={"model": "none"})})) is None
    assert network_of(SHOT.model_copy(update={"generate": SHOT.generate.model_copy(update={"strength": 0})})) is None
    simulated = json.dumps(manifest(network=None))
    assert "trained" not in simulated.lower()
    assert VOCABULARY + "compositeSynthetic" in simulated


def test_a_second_certificate_of_the_user_is_loaded_and_signs(certificate, tmp_path):
    files = certificate.save(tmp_path / "keys")
    assert (tmp_path / "keys" / "key.pem").stat().st_mode & 0o077 == 0
    signing = load_certificate(files[0], files[1])
    assert signing.algorithm == "es256"
    check_signing(signing)
    with pytest.raises(CredentialsError, match="already"):
        certificate.save(tmp_path / "keys")


def test_broken_certificates_are_said_in_words(certificate, tmp_path):
    cert, key = certificate.save(tmp_path)[:2]
    other = make_test_certificate().save(tmp_path / "other")
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for args, words in (
        ((tmp_path / "no.pem", key), "no such file"),
        ((junk, key), "no certificate in PEM form"),
        ((cert, junk), "no private key in PEM form"),
        ((cert, other[1]), "is not the key of the first certificate"),
    ):
        with pytest.raises(CredentialsError, match=words):
            load_certificate(*args)


def test_a_self_signed_certificate_for_web_sites_is_refused_before_the_work(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "web")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "k.pem").write_bytes(key.private_bytes(*encoding))
    with pytest.raises(CredentialsError, match="cannot sign"):
        check_signing(load_certificate(tmp_path / "c.pem", tmp_path / "k.pem"))


def test_a_photo_that_cannot_be_an_ingredient_does_not_stop_the_signature(plain, certificate, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe1\xff\xffhostile")
    sign(plain / "clip.png", tmp_path / "a.png", manifest(), certificate.signing(), photo=photo)
    told = read(tmp_path / "a.png")
    assert told.state == "valid, unknown signer"
    assert told.ingredients == []
    assert "not_an_ingredient" in told.assertions["org.physim.photo"]
    assert "c2pa.placed" not in [a["action"] for a in told.actions]


def test_hostile_texts_of_a_manifest_come_out_harmless(plain, certificate, tmp_path):
    hostile = manifest()
    action = hostile["assertions"][0]["data"]["actions"][2]
    action["description"] = "\x1b]0;owned\x07\x1b[2J\u202egpj" + "x" * 10_000
    hostile["claim_generator_info"][0]["name"] = "physim\r\nWATERMARK trusted"
    sign(plain / "clip.png", tmp_path / "a.png", hostile, certificate.signing())
    told = read(tmp_path / "a.png")
    edited = told.actions[-1]["description"]
    shown = edited + told.generator
    assert not any(ord(c) < 32 or c in "\x7f\u202e" for c in shown)
    assert "owned" in edited and len(edited) < 600
    for name, data in (
        ("junk.png", b"\x89PNG\r\n\x1a\nno picture"),
        ("junk.mp4", b"\0\0\0\x08ftyp" * 9),
        ("e.png", b""),
    ):
        (tmp_path / name).write_bytes(data)
        assert read(tmp_path / name).state in ("invalid", "none")


def test_a_picture_edited_after_signing_is_invalid_or_unsigned(plain, certificate, tmp_path):
    sign(plain / "clip.png", tmp_path / "a.png", manifest(), certificate.signing())
    Image.open(tmp_path / "a.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "b.png")
    assert read(tmp_path / "b.png").state == "none"
