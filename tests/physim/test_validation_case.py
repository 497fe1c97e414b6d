"""Validation: reading of case files, limits in words, judgement, the command with its exit codes and JSON lines."""

import json
import math
from pathlib import Path

import pytest

from physim import cli
from physim.validation import registry
from physim.validation.case import Case, Limits, Quantity, parse_limits, read_case
from physim.validation.report import KEPT, json_line, page
from physim.validation.run import Result, default_cases, load_cases, run_case
from physim.validation.settings import Settings

KEYS = ["id", "group", "quantity", "expected", "got", "error", "pass_", "good", "goal", "verdict"]


def write_case(folder: Path, case_id: str, **blocks) -> Path:
    data = {"id": case_id, "group": "made up", "title": "t", "setup": "", "params": {}, "expected": {}, **blocks}
    path = folder / f"{case_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("tolerance", "limits"),
    [
        ({"pass_": 0.03, "good": 0.01, "goal": 0.005}, Limits(0.03, 0.01, 0.005)),
        ({"pass_": 4, "good": 1}, Limits(4.0, 1.0)),
        ("<1e-4 m/s (good), <1e-3 m/s (pass) over 2 s, |theta-theta_c|>=1 deg", Limits(1e-3, 1e-4)),
        ("|dE|/E<1e-3 over 5 bounces", Limits(1e-3)),
        ("90 deg +-1", Limits(1.0)),
        ("|v-omega R|/v<0.01", Limits(0.01)),
        ("<=2 % between 20 and 80 rows (XPBD: only when iterated to convergence)", Limits(0.02)),
        ("node count is what it is", Limits()),
        (None, Limits()),
    ],
)
def test_limits_are_read_from_numbers_and_from_words(tolerance, limits):
    found = parse_limits(tolerance)
    for name in ("pass_", "good", "goal"):
        assert getattr(found, name) == pytest.approx(getattr(limits, name))


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(0.004, "goal"), (0.005, "goal"), (0.0051, "good"), (0.02, "pass"), (0.04, "fail"), (math.nan, "fail")],
)
def test_verdict_is_the_best_limit_that_the_error_keeps(error, verdict):
    assert Limits(0.03, 0.01, 0.005).verdict(error) == verdict


def test_without_limits_a_finite_value_is_reported_and_a_missing_one_fails():
    assert Limits().verdict(5.0) == "pass"
    assert Limits().verdict(None) == "fail"


def test_a_goal_of_the_file_overrules_ours_and_ours_is_never_looser_than_the_files_good():
    ours = Case("domino_speed", "rigid", tolerance={"speed_rel": {"pass_": 0.1, "good": 0.05}})
    assert ours.limits("speed_rel").goal == 0.03
    strict = Case("domino_speed", "rigid", tolerance={"speed_rel": {"pass_": 0.1, "good": 0.001}})
    assert strict.limits("speed_rel").goal == 0.001
    own = Case("domino_speed", "rigid", tolerance={"speed_rel": {"pass_": 0.1, "good": 0.05, "goal": 0.04}})
    assert own.limits("speed_rel").goal == 0.04


def test_a_relative_error_is_never_negative_and_takes_the_scale_where_nought_is_expected():
    case = Case("c", "g")
    assert case.relative("q", -2.0, -1.5, Limits(1.0)).error == pytest.approx(0.25)
    assert case.relative("q", 0.0, 0.5, Limits(1.0), scale=10.0).error == pytest.approx(0.05)
    assert case.relative("q", 1.0, None, Limits(1.0)).verdict == "fail"
    assert case.truth("q", True, False).verdict == "fail"
    assert case.truth("q", False, False).verdict == "good"


def test_a_case_is_read_with_its_tables_in_any_folder(tmp_path):
    path = write_case(tmp_path, "one", tables=["one__numbers.csv"], expected={"table": "numbers"})
    (tmp_path / "one__numbers.csv").write_text("# what\n# source: here\nshape,k, t_s\nhoop,1, 2e-1\n")
    case = read_case(path)
    assert case.rows() == [{"shape": "hoop", "k": 1.0, "t_s": 0.2}]
    with pytest.raises(ValueError, match="params has no 'R'"):
        case.get("R")
    write_case(tmp_path / "sub", "two")
    (tmp_path / "index.json").write_text("[1, 2]")
    assert [c.id for c in load_cases(tmp_path)[0]] == ["one", "two"]


def test_a_file_that_cannot_be_read_fails_and_the_others_go_on(tmp_path):
    write_case(tmp_path, "whole")
    (tmp_path / "torn.json").write_text("{")
    write_case(tmp_path, "bare", tables=["bare__none.csv"])
    cases, broken = load_cases(tmp_path)
    assert [c.id for c in cases] == ["whole"]
    assert {b.id: b.verdict for b in broken} == {"torn": "fail", "bare": "fail"}
    assert "bare__none.csv is missing" in broken[0].note


def test_only_takes_ids_and_groups_and_refuses_others():
    folder = default_cases()
    assert {c.group for c in load_cases(folder, ["rigid"])[0]} == {"rigid"}
    assert [c.id for c in load_cases(folder, ["bounce_restitution"])[0]] == ["bounce_restitution"]
    with pytest.raises(ValueError, match="--only is 'bounce', expected an id or a group"):
        load_cases(folder, ["bounce"])


def test_a_runner_that_raises_fails_with_its_reason_and_keeps_what_it_found(monkeypatch):
    def half(case, settings):
        yield case.absolute("first", 1.0, 1.0, Limits(0.1))
        raise RuntimeError("the ladder broke")

    monkeypatch.setitem(registry.RUNNERS, "half", half)
    first, last = run_case(Case("half", "g"), Settings()).quantities
    assert first.verdict == "pass" and last.verdict == "fail" and last.got is None
    assert last.note == "RuntimeError: the ladder broke"


def test_json_lines_have_exactly_the_keys_and_are_strict():
    line = json_line(Quantity("a", "g", "q", 1.0, math.inf, math.nan, Limits(0.1)))
    row = json.loads(line)
    assert list(row) == KEYS
    assert row["got"] is None and row["error"] is None and row["verdict"] == "fail"


def test_command_says_no_runner_for_an_unknown_id_and_does_not_fail(tmp_path, capsys):
    write_case(tmp_path, "perpetual_motion")
    assert cli.main(["validate", "--cases", str(tmp_path), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert list(row) == KEYS and row["verdict"] == "no runner" and row["group"] == "made up"


def test_command_refuses_a_folder_without_cases(tmp_path, capsys):
    assert cli.main(["validate", "--cases", str(tmp_path)]) == 2
    assert "holds no case file" in capsys.readouterr().err


def test_command_prints_what_was_finished_when_it_is_interrupted(tmp_path, capsys, monkeypatch):
    def stopped(case, settings):
        yield case.absolute("seen before", 1.0, 1.0, Limits(0.1))
        raise KeyboardInterrupt

    monkeypatch.setitem(registry.RUNNERS, "stopped", stopped)
    write_case(tmp_path, "stopped")
    assert cli.main(["validate", "--cases", str(tmp_path)]) == 130
    assert "seen before" in capsys.readouterr().out


def test_page_lists_every_quantity_and_keeps_the_invariance_table():
    case = Case("a_case", "rigid", "Title", source="Someone 1900", setup="A | B")
    result = Result(case, (case.relative("speed [m/s]", 2.0, 2.1, Limits(0.1, 0.01)),), 0.5)
    old = f"before\n{KEPT[0]}\n| kept |\n{KEPT[1]}\nafter"
    written = page([result], Settings(), old)
    assert "| speed [m/s] | 2 | 2.1 | 0.05 | 0.1 | 0.01 | – | pass |" in written
    assert "Someone 1900" in written and "| kept |" in written and "before" not in written
