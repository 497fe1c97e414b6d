"""The gallery runs each example once, keeps going when one fails, and its page works in a browser."""

import json
import shutil
import subprocess

import pytest

from i2v.cli import main
from i2v.gallery import examples, examples_folder, kinds
from physim.shot_file import load

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SHOT = """# A ball </script> falls.
#   i2v animate ball.yaml
photo: photo.png
things:
  - {name: ball, shape: {sphere: 0.1}, at: [0, 1, -3], rigid: {}}
camera: [{move: dolly, metres: 0.1}]
output: {audio: true}
"""
SCRIPT = '''"""A ball falls: v = g t.

    python -m examples.ball
"""
import argparse, json, pathlib
import imageio.v3 as iio, numpy as np

def main():
    parser = argparse.ArgumentParser()
    for name in ("--output", "--report", "--side", "--model"): parser.add_argument(name)
    parser.add_argument("--preview", action="store_true")
    args = parser.parse_args()
    with open(pathlib.Path(__file__).parent / "runs.txt", "a") as file: file.write(f"{args.preview}\\n")
    frames = np.zeros((6, 32, 48, 3), np.uint8); frames[..., 0] = 40 * np.arange(6)[:, None, None]
    iio.imwrite(args.output, frames, fps=24)
    report = {"size": [32, 48], "frame_count": 6, "fps": 24, "stages": {"simulate": 1.0}, "model": "none",
              "conservation": {"deepest_penetration [m]": 1e-5},
              "measured": [{"what": "g [m/s^2]", "got": 9.8, "expected": 9.81, "source": "Galilei"}]}
    pathlib.Path(args.report).write_text(json.dumps(report))

if __name__ == "__main__":
    main()
'''


@pytest.fixture
def folder(tmp_path):
    """Two examples: one that runs, one that fails."""
    folder = tmp_path / "shots"
    folder.mkdir()
    (folder / "runner.py").write_text("")
    shutil.copy(examples_folder() / "masks" / "pond.jpg", folder / "photo.png")
    for name, script in (("ball", SCRIPT), ("broken", '"""It breaks."""\nraise SystemExit("the law does not hold")\n')):
        (folder / f"{name}.yaml").write_text(SHOT)
        (folder / f"{name}.py").write_text(script)
    return folder


def shown(output):
    page = (output / "index.html").read_text()
    return json.loads(page.partition('type="application/json">')[2].partition("</script>")[0])["exhibits"]


def test_each_is_run_once_and_one_that_fails_stops_no_other(folder, tmp_path, capsys):
    output = tmp_path / "out"
    command = ["gallery", "--examples", str(folder), "-o", str(output), "--quick"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert said.out.strip() == str(output / "index.html")
    assert "failed: broken: the law does not hold" in said.err
    ball, broken = shown(output)
    assert ball["title"] == "A ball </script> falls." and ball["story"] == "A ball falls: v = g t."
    assert ball["kinds"] == ["rigid", "camera", "sound"]
    assert ball["measured"][0]["expected"] == 9.81 and ball["laws"] == [["deepest overlap of bodies [m]", 1e-5]]
    assert (output / ball["video"]).is_file() and (output / ball["poster"]).is_file()
    assert broken["error"] and "video" not in broken

    assert main([*command, "ball"]) == 0
    assert "ball as before" in capsys.readouterr().err
    assert (folder / "runs.txt").read_text() == "True\n", "what is done is not done again"
    (folder / "ball.yaml").write_text(SHOT + "seed: 3\n")
    assert main([*command, "ball", "--quiet"]) == 0
    assert (folder / "runs.txt").read_text() == "True\nTrue\n", "another shot is another video"


def test_an_unknown_example_is_refused(folder, tmp_path, capsys):
    assert main(["gallery", "bal", "--examples", str(folder), "-o", str(tmp_path / "out")]) == 2
    assert "there is no example 'bal'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_gallery_has_all_that_is_asked_of_it():
    found = examples()
    every = set().union(*(kinds(load(example.shot_file)) for example in found))
    assert len(found) >= 12
    assert {"rigid", "cloth", "liquid", "smoke", "camera", "sound", "4K"} <= every
    assert all(example.title and example.story for example in found)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_works_from_a_file_in_a_browser(folder, tmp_path, width):
    assert main(["gallery", "--examples", str(folder), "-o", str(tmp_path / "out"), "--quick", "--quiet"]) == 1
    page = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom",
         "--virtual-time-budget=2000", (tmp_path / "out" / "index.html").as_uri()],
        capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    assert 'data-ready="2"' in page, "the script ran to its end"
    assert "A ball &lt;/script&gt; falls." in page, "text stays text"
    assert page.count("<article") == 2 and page.count("<video") == 1
    assert "law 9.81 (Galilei)" in page and "the law does not hold" in page
