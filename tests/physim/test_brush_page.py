"""The motion brush in a browser: what is drawn on the page is what the strokes file says, and what the shot becomes."""

import html as markup
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from compose_scenes import make_trajectory, speckled

import physim
from physim.brush import brushed, read_strokes
from physim.brush_page import brush, with_brush
from physim.scene import Scene
from physim.shapes import Sphere

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SIZE = (90, 120)

DRAW = """
<script>
addEventListener("load", () => {
  const canvas = document.getElementById("brush-canvas"), set = (id, value) => {
    const field = document.getElementById("brush-" + id); field.value = value; field.dispatchEvent(new Event("change"));
  };
  const stroke = points => {
    const box = canvas.getBoundingClientRect();
    points.forEach((p, i) => {
      const clientX = box.left + p[0] / 120 * box.width, clientY = box.top + p[1] / 90 * box.height;
      const at = { clientX, clientY, bubbles: true, pointerId: 1 };
      canvas.dispatchEvent(new PointerEvent(i === 0 ? "pointerdown" : "pointermove", at));
      if (i === points.length - 1) canvas.dispatchEvent(new PointerEvent("pointerup", at));
    });
  };
  document.getElementById("brush-open").click();
  set("makes", "push"); set("strength", "0.25"); set("at", "0.5"); stroke([[20, 60], [40, 59.9], [80, 60]]);
  set("makes", "wind"); set("strength", ""); set("at", "1"); set("lasts", "0.8");
  stroke([[10, 10], [30, 40], [90, 10]]);
  set("makes", "smoke"); set("at", ""); set("lasts", ""); set("material", "steam"); stroke([[60, 30], [60, 10]]);
  set("makes", "wind"); stroke([[50, 50], [50, 50]]);
  set("makes", "smoke"); stroke([[5, 5], [15, 5]]);
  document.getElementById("brush-undo").click();
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let red = 0;
  for (let i = 0; i < pixels.length; i += 4) red += pixels[i] === 251 && pixels[i + 1] === 113 && pixels[i + 2] === 133;
  document.body.dataset.red = red;
});
</script>
"""


def scene():
    falling = {"<ball>": (Sphere(0.08), (0.05, 0.3, -0.6))}
    return make_trajectory(falling, photo=speckled(SIZE)).scene


def test_the_page_knows_the_things_and_the_size_of_the_photo_and_needs_no_network():
    piece = brush(scene())
    data = json.loads(re.search(r'id="brush-data" type="application/json">(.*?)</script>', piece, re.S)[1])
    assert data["size"] == list(SIZE)
    assert data["rigid"] == ["<ball>"] and data["cloth"] == []
    assert "steam" in data["materials"]["smoke"] and "water" in data["materials"]["liquid"]
    assert "<ball>" not in piece  # a name is no markup
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", piece)
    assert with_brush("<html><body>a</body></html>", scene()).endswith("</script>\n</body></html>")


def test_a_scene_without_a_photo_has_no_brush():
    assert brush(Scene()) == ""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_what_is_drawn_in_a_browser_becomes_the_shot(tmp_path):
    path = tmp_path / "a.html"
    path.write_text(with_brush(f"<!doctype html><html><body>{DRAW}</body></html>", scene()), encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,700", "--virtual-time-budget=3000",
        f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    dump = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'data-ready="yes"' in dump and 'data-strokes="3"' in dump
    assert int(re.search(r'data-red="(\d+)"', dump)[1]) > 100, "the arrow of the push is not seen"
    file = tmp_path / "strokes.yaml"
    file.write_text(markup.unescape(re.search(r'<pre id="brush-text">(.*?)</pre>', dump, re.S)[1]))
    push, wind, smoke = read_strokes(file)
    assert (push.makes, push.on, push.strength, push.at) == ("push", "<ball>", 0.25, 0.5)
    np.testing.assert_allclose(push.points, [[20, 60], [80, 60]], atol=0.3)  # what lies on the line is left out
    assert (wind.makes, wind.strength, wind.at, wind.lasts) == ("wind", None, 1.0, 0.8)
    np.testing.assert_allclose(wind.points, [[10, 10], [30, 40], [90, 10]], atol=0.3)
    assert (smoke.makes, smoke.material, smoke.at, smoke.lasts) == ("smoke", "steam", 0.0, None)
    things = [{"name": "<ball>", "shape": {"sphere": 0.02}, "at": [0, 0.1, -0.5], "rigid": {}}]
    shot = brushed(physim.Shot(photo="skimage:coffee.png", things=things), [push, wind, smoke])
    assert shot.forces[0].impulse.newton_seconds == pytest.approx((0.25, 0.0, 0.0), abs=2e-3)
    assert shot.forces[1].wind.velocity == pytest.approx((3.0, 0.0, 0.0), abs=0.02)
    assert shot.things[1].emit.velocity == pytest.approx((0.0, 0.5, 0.0), abs=5e-3)
