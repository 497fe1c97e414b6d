"""Sweeps in any storage: this machine's memory and a local server that speaks S3, with files that shots name."""

import os
import shutil

import pytest
from PIL import Image

import physim
from physim import sweep_job
from physim.shot_remote import brought
from physim.store import Folder
from physim.sweep import sweep

PLAN = [{"things.ball.rigid.restitution": value} for value in (0.2, 0.9)]


@pytest.fixture(scope="module")
def server():
    """A local server that speaks S3; where it is, is told as users tell it."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    before = dict(os.environ)
    names = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(names)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    import fsspec

    fsspec.filesystem("s3").mkdir("shots")
    yield server
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(params=["memory", "s3"])
def place(request, tmp_path):
    """URL of a new folder."""
    pytest.importorskip("fsspec")
    if request.param == "memory":
        return f"memory://{tmp_path.name}"
    request.getfixturevalue("server")
    return f"s3://shots/{tmp_path.name}"


@pytest.fixture
def photo(tmp_path):
    """A photo in a file of its own: what a shot names has to travel to where the run is done."""
    path = tmp_path / "photos" / "coffee.png"
    path.parent.mkdir()
    with Image.open(physim.photo.locate("skimage:coffee.png")) as whole:
        whole.resize((120, 80)).save(path)
    return path


@pytest.fixture
def shot(photo):
    return physim.Shot(
        photo=photo,
        hints={"camera": {"pitch": 40, "height": 0.4, "fov": 40}},
        things=[{"name": "ball", "shape": {"sphere": 0.02}, "at": [0, 0.12, -0.5], "rigid": {}}],
        settle=False,
        seconds=0.2,
    )


def broken(trajectory):
    if trajectory.scene["ball"].material.restitution > 0.85:
        raise RuntimeError("too lively")
    return 1.0


def test_files_are_written_read_listed_and_removed(place, tmp_path):
    folder = Folder.of(place)
    assert folder.read("a/b.txt") is None and not folder.exists("a/b.txt") and folder.names() == set()
    folder.write("a/b.txt", "first")
    folder.write("a/b.txt", "second")
    (tmp_path / "long").write_bytes(bytes(70_000))
    folder.send(tmp_path / "long", "a/c/long")
    assert folder.read("a/b.txt") == b"second" and folder.exists("a/b.txt")
    assert folder.read_many(["a/b.txt", "none", "a/c/long"]) == {"a/b.txt": b"second", "a/c/long": bytes(70_000)}
    assert folder.names() == {"a/b.txt", "a/c/long"} and (folder / "a/c").names() == {"long"}
    folder.remove("a/b.txt")
    folder.remove("a/b.txt")
    assert folder.names() == {"a/c/long"}
    folder.clear()
    assert folder.names() == set()


def test_a_sweep_in_storage_is_that_of_this_machine_and_goes_on_where_it_was(place, shot, tmp_path):
    measure = [f"{__name__}:broken"]
    here = sweep(shot, PLAN, tmp_path / "here", outcomes=measure)
    there = sweep(shot, PLAN, place, outcomes=measure)
    folder = Folder.of(place)
    assert folder.read("table.csv") == (tmp_path / "here" / "table.csv").read_bytes()
    assert there[1].error == "RuntimeError: too lively" and there[0].outcomes == here[0].outcomes
    folder.write(f"runs/{there[0].key}/result.json", '{"broken": 7.0}')  # whoever ran it again would write 1
    assert sweep(shot, PLAN, place, outcomes=measure)[0].outcomes == {"broken": 7.0}


def test_a_photo_travels_with_its_sweep_to_machines_that_do_not_have_it(place, shot, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("PHYSIM_CACHE", str(tmp_path / "cache"))
    seen = []

    def run(work, jobs):
        """A machine without the photo."""
        shutil.move(photo, tmp_path / "away.png")
        for number, job in enumerate(jobs):
            seen.append(job.ready().photo)
            yield number, work(job)
        shutil.move(tmp_path / "away.png", photo)

    table = sweep(shot, PLAN, place, executor=type("Elsewhere", (), {"run": staticmethod(run)})())
    assert not table.failed
    assert {path.parent for path in seen} == {tmp_path / "cache" / "inputs"}
    assert seen[0].read_bytes() == photo.read_bytes()
    copy = tmp_path / "copy"  # a sweep that was copied whole is a folder of shot files that run
    for name in Folder.of(place).names():
        Folder.of(copy).write(name, Folder.of(place).read(name))
    assert physim.Shot.load(copy / "runs" / table[0].key / "shot.json").photo.read_bytes() == photo.read_bytes()
    assert [run.key for run in sweep(shot, PLAN, tmp_path / "here")] == [run.key for run in table]


def test_a_file_that_was_changed_on_its_way_is_not_taken(place, shot, photo, tmp_path, monkeypatch):
    monkeypatch.setenv("PHYSIM_CACHE", str(tmp_path / "cache"))
    _, jobs = sweep_job.jobs_of({"a": shot}, PLAN[:1], Folder.of(place), (), sweep_job.once, apart=True)
    (job,) = jobs.values()
    Folder.of(place).write(f"inputs/{job.inputs[0][1]}", b"another picture")
    photo.unlink()
    with pytest.raises(ValueError, match="is not the file that was sent"):
        job.ready()
    Folder.of(place).clear()
    with pytest.raises(FileNotFoundError, match=r"coffee\.png is not there"):
        job.ready()


def test_a_shot_file_is_read_from_storage_with_the_files_it_names(place, shot, tmp_path):
    physim.shot_file.save(shot, tmp_path / "shot.yaml")
    for name in ("shot.yaml", "photos/coffee.png"):
        Folder.of(place).send(tmp_path / name, name)
    with brought(f"{place}/shot.yaml") as loaded:
        assert loaded.photo != shot.photo and loaded.photo.read_bytes() == shot.photo.read_bytes()
        assert loaded.things == shot.things
    with pytest.raises(FileNotFoundError, match=r"nothing\.yaml"), brought(f"{place}/nothing.yaml"):
        pass


def test_a_sweep_in_the_memory_of_this_process_is_not_given_to_others(shot):
    pytest.importorskip("fsspec")
    with pytest.raises(ValueError, match="memory of this process"):
        sweep(shot, PLAN, "memory://nowhere", workers=2)


def test_a_url_of_this_machine_is_a_path(tmp_path):
    assert Folder.of(f"file://{tmp_path}/a").local == tmp_path / "a"


def test_workers_in_processes_of_their_own_write_to_storage(server, shot, tmp_path):
    sweep(shot, PLAN, tmp_path / "here")
    assert not sweep(shot, PLAN, "s3://shots/two", workers=2).failed
    assert Folder.of("s3://shots/two").read("table.csv") == (tmp_path / "here" / "table.csv").read_bytes()
