"""Mark, ledger and signature on the way of a run, and that none of them ever costs the video."""

import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
import skimage
from PIL import Image

import physim
from i2v import preview
from i2v.cli import main
from i2v.media.certificate import CredentialsError, make_test_certificate
from i2v.media.credentials import read as read_credentials
from i2v.media.ledger import LedgerError
from i2v.media.ledger import read as read_ledger
from i2v.verify import verify
from physim.shot_file import ShotError, load

root = importlib.import_module("i2v.animate")
run = importlib.import_module("i2v.run")
SIZE = (160, 240)


def shot(**output):
    size = {"height": SIZE[0], "width": SIZE[1]}
    return physim.Shot(photo="skimage:coffee.png", seconds=0.25, seed=5, output={**size, **output})


class Stages:
    """Stand-ins for the long work: the photo, unmoved, six times."""

    ran = 0

    def reconstruct(self, shot, *, depth=None, progress=None):
        self.ran += 1
        return SimpleNamespace()

    def simulate(self, scene, *, seconds, fps, progress):
        return SimpleNamespace(
            frame_count=6, bodies={}, contacts=[], report=SimpleNamespace(values={"momentum": np.float64(1e-12)})
        )

    def render(self, trajectory, size=None, progress=None):
        return SimpleNamespace()

    def Compositor(self, trajectory, size, *, motion_blur, fps):
        frame = np.asarray(Image.open(f"{skimage.data_dir}/coffee.png").resize(size[::-1]), np.float32) / 255
        frames = [frame] * 6
        return type("Frames", (), {"frame_count": 6, "fps": fps, "__iter__": lambda _: iter(frames)})()


@pytest.fixture
def stages(monkeypatch):
    stand_in = Stages()
    monkeypatch.setattr(run, "physim", stand_in)
    monkeypatch.setattr(run, "generate_residual", lambda *a, **k: None)
    monkeypatch.setattr(root, "check", lambda model: None)
    return stand_in


def names(folder):
    return sorted(f.name for f in folder.iterdir())


def test_a_run_marks_signs_and_records_and_verify_reads_it_all(stages, tmp_path, capsys):
    (tmp_path / "key").write_bytes(b"eight or more bytes")
    wanted = shot(credentials="test", watermark={"key": tmp_path / "key", "id": "c0ffee"})
    root.animate(wanted, tmp_path / "a.mp4")
    assert names(tmp_path) == ["a.ledger.json", "a.mp4", "a.shot.resolved.yaml", "key"]
    assert b"eight or more" not in (tmp_path / "a.mp4").read_bytes()

    found = verify(tmp_path / "a.mp4", key=tmp_path / "key")
    assert found.sound and found.credentials.state == "valid, unknown signer"
    assert found.credentials.source_types == ["compositeWithTrainedAlgorithmicMedia"]
    assert found.mark.id == "000000c0ffee"
    assert len(found.ledger) == 1 and "is of run 1" in found.ledger_note

    assert main(["verify", str(tmp_path / "a.mp4"), "--key", str(tmp_path / "key")]) == 0
    shown = capsys.readouterr().out
    assert "valid, unknown signer" in shown and "c0ffee" in shown and "coffee.png" in shown
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    data[-1000] ^= 1
    (tmp_path / "a.mp4").write_bytes(data)
    assert main(["verify", str(tmp_path / "a.mp4"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["credentials"]["state"] == "invalid"


def test_the_preview_does_not_claim_a_trained_model(stages, tmp_path):
    preview(shot(credentials="test"), tmp_path / "p.mp4", size=160)
    assert read_credentials(tmp_path / "p.mp4").source_types == ["compositeSynthetic"]
    assert "p.ledger.json" not in names(tmp_path)


def test_the_next_run_of_a_shot_file_says_what_the_person_changed(stages, tmp_path):
    for seed in (5, 6):
        path = shot().model_copy(update={"seed": seed}).save(tmp_path / "cup.yaml")
        root.animate(path, tmp_path / f"take{seed}.mp4")
    entries = read_ledger(tmp_path / "cup.ledger.json")
    assert [c["field"] for c in entries[1]["changes"]] == ["seed"]
    assert "photo" in entries[0]["files"]
    assert main(["ledger", str(tmp_path / "cup.ledger.json"), "-o", str(tmp_path / "page.html")]) == 0
    assert "<td>seed<td>5<td>6" in (tmp_path / "page.html").read_text()


def test_what_is_broken_is_said_before_the_work(stages, tmp_path):
    cert, key = make_test_certificate().save(tmp_path / "k")[:2]
    cert.write_text("no certificate")
    with pytest.raises(CredentialsError, match="no certificate in PEM"):
        root.animate(shot(credentials={"cert": cert, "key": key}), tmp_path / "a.mp4")
    (tmp_path / "a.ledger.json").write_text("{}")
    with pytest.raises(LedgerError, match="no ledger"):
        root.animate(shot(), tmp_path / "a.mp4")
    with pytest.raises(ShotError, match=r"output\.watermark\.key: .*no such file"):
        root.animate(shot(watermark={"key": tmp_path / "nothing"}), tmp_path / "b.mp4")
    assert stages.ran == 0
    assert names(tmp_path) == ["a.ledger.json", "k"]


@pytest.mark.parametrize("failure", [CredentialsError("the token was pulled out."), RuntimeError("unforeseen")])
def test_a_failing_signature_does_not_cost_the_video(failure, stages, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise failure

    monkeypatch.setattr("i2v.media.credentials.sign", fail)
    with pytest.raises(type(failure), match=r"token|unforeseen"):
        root.animate(shot(credentials="test"), tmp_path / "a.mp4")
    assert "a.mp4" in names(tmp_path) and "a.unsigned.mp4" not in names(tmp_path)
    assert read_credentials(tmp_path / "a.mp4").state == "none"


def test_a_ledger_that_vanishes_under_the_run_does_not_cost_the_video(stages, tmp_path, monkeypatch):
    def fail(*args):
        raise LedgerError("disk full.")

    monkeypatch.setattr("i2v.media.ledger.append", fail)
    with pytest.raises(LedgerError, match=r"disk full\. The video is complete: .*a\.mp4"):
        root.animate(shot(), tmp_path / "a.mp4")
    assert "a.mp4" in names(tmp_path)


def test_the_words_of_the_shot_file_are_read_and_paths_are_taken_from_its_folder(tmp_path):
    make_test_certificate().save(tmp_path / "k")
    text = "photo: skimage:coffee.png\noutput: {credentials: {cert: k/cert.pem, key: k/key.pem}, watermark: true}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert load(tmp_path / "a.yaml").output.credentials.cert == tmp_path / "k" / "cert.pem"
    (tmp_path / "b.yaml").write_text("photo: skimage:coffee.png\noutput: {watermark: {id: 12345678901234}}\n")
    with pytest.raises(ShotError, match=r"output\.watermark"):
        load(tmp_path / "b.yaml")


def test_verify_speaks_about_any_file(tmp_path, capsys):
    (tmp_path / "junk.mp4").write_bytes(b"\x1b[2Jjunk" * 100)
    assert main(["verify", str(tmp_path / "junk.mp4")]) in (0, 1)
    assert "cannot be read" in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "none.mp4")]) == 2
    assert main(["cert", "make-test", str(tmp_path / "k")]) == 0
    assert main(["cert", "make-test", str(tmp_path / "k")]) == 2


def test_a_clip_that_is_saved_is_marked_and_signed_as_its_shot_says(stages, tmp_path):
    (tmp_path / "key").write_bytes(b"eight or more bytes")
    clip = root.animate(shot(credentials="test", watermark={"key": tmp_path / "key", "id": "c0ffee"}))
    assert clip.save(tmp_path / "a.mp4") == tmp_path / "a.mp4"
    assert names(tmp_path) == ["a.mp4", "key"]
    found = verify(tmp_path / "a.mp4", key=tmp_path / "key")
    assert found.credentials.state == "valid, unknown signer" and found.mark.id == "000000c0ffee"
    plain = root.animate(shot()).save(tmp_path / "b.mp4")
    assert verify(plain, key=tmp_path / "key").credentials.state == "none"
    assert not verify(plain, key=tmp_path / "key").mark.found


def test_a_clip_is_not_lost_when_it_cannot_be_signed(stages, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise CredentialsError("the token was pulled out.")

    monkeypatch.setattr("i2v.media.credentials.sign", fail)
    with pytest.raises(CredentialsError, match="without a signature"):
        root.animate(shot(credentials="test")).save(tmp_path / "a.mp4")
    assert names(tmp_path) == ["a.mp4"]
