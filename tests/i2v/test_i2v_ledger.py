"""The refinement ledger: what changed, and that nobody changed it afterwards."""

import datetime
import json

import pytest

from i2v.media import ledger

WHEN = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)


def shot(**changes):
    things = [{"name": "cup", "rigid": {"material": "ceramic"}}, {"name": "ball", "at": [0, 1, 0]}]
    return {"photo": "a.png", "seed": 1, "things": things, "generate": {"model": "bundled"}} | changes


def run(path, data, folder):
    new = ledger.entry(ledger.read(path), data, versions={"physim": "1"}, folder=folder, now=WHEN)
    ledger.append(path, new)
    return new


def test_each_run_says_what_changed_against_the_one_before(tmp_path):
    path = tmp_path / "a.ledger.json"
    (tmp_path / "a.png").write_bytes(b"photo")
    assert run(path, shot(), tmp_path)["changes"] == []
    glass = [{"name": "cup", "rigid": {"material": "glass"}}, {"name": "ball", "at": [0, 2, 0]}]
    (tmp_path / "a.png").write_bytes(b"retouched")
    second = run(path, shot(seed=2, things=glass), tmp_path)
    changes = {c["field"]: (c["before"], c["after"]) for c in second["changes"]}
    assert changes.pop("content of photo")[0] != second["files"]["photo"]
    assert changes == {
        "seed": (1, 2),
        "things[cup].rigid.material": ("ceramic", "glass"),
        "things[ball].at": ([0, 1, 0], [0, 2, 0]),
    }
    third = run(path, shot(things=glass[:1], seed=2), tmp_path)
    assert {c["field"]: c["after"] for c in third["changes"]} == {"things[ball].at": None, "things[ball].name": None}
    assert [e["run"] for e in ledger.read(path)] == [1, 2, 3]
    assert ledger.head(third) == {
        "run": 3, "hash": third["hash"], "changed": ["things[ball].at", "things[ball].name"], "changes": 2
    }  # fmt: skip


@pytest.mark.parametrize("damage", ["edit", "drop", "swap", "junk", "kind", "deep"])
def test_a_damaged_ledger_is_refused_and_not_overwritten(damage, tmp_path):
    path = tmp_path / "a.ledger.json"
    for seed in range(3):
        run(path, shot(seed=seed), tmp_path)
    data = json.loads(path.read_text())
    if damage == "edit":
        data["entries"][1]["changes"][0]["after"] = 99
    elif damage == "drop":
        del data["entries"][1]
    elif damage == "swap":
        data["entries"][0], data["entries"][1] = data["entries"][1], data["entries"][0]
    elif damage == "kind":
        data = {"format": ledger.FORMAT, "entries": [None]}
    text = "no JSON" if damage == "junk" else "[" * 100_000 if damage == "deep" else json.dumps(data)
    path.write_text(text)
    with pytest.raises(ledger.LedgerError, match="Move it away"):
        ledger.read(path)
    with pytest.raises(ledger.LedgerError):
        ledger.append(path, {"previous": ledger.START})
    assert path.read_text() == text


def test_two_runs_at_once_do_not_overwrite_each_other(tmp_path):
    path = tmp_path / "a.ledger.json"
    late = ledger.entry([], shot(), versions={}, folder=tmp_path)
    run(path, shot(seed=5), tmp_path)
    with pytest.raises(ledger.LedgerError, match="meanwhile"):
        ledger.append(path, late)


def test_the_page_shows_every_change_and_escapes_what_is_foreign(tmp_path):
    path = tmp_path / "a.ledger.json"
    run(path, shot(), tmp_path)
    run(path, shot(photo="<script>alert(1)</script>"), tmp_path)
    page = ledger.page(ledger.read(path), "a & b")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "Run 2" in page and "a &amp; b" in page


def test_keys_and_certificates_are_never_read(tmp_path):
    (tmp_path / "key.pem").write_text("secret")
    new = ledger.entry(
        [],
        {"output": {"credentials": {"key": "key.pem"}, "watermark": {"key": "key.pem"}}},
        versions={},
        folder=tmp_path,
    )
    assert new["files"] == {}
