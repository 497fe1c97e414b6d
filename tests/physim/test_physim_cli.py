"""The physim command: checks, schema, devices."""

import json
from pathlib import Path

import pytest

from physim.cli import main, schema_text, shot_schema
from physim.shot import Shot

SCHEMA = Path(__file__).parents[2] / "docs" / "shot.schema.json"


def test_the_schema_in_docs_is_the_schema_of_the_code():
    assert SCHEMA.read_text() == schema_text(), "run: physim schema -o docs/shot.schema.json"


def test_the_schema_names_every_field_as_a_user_types_it():
    schema = shot_schema()
    assert set(schema["properties"]) == set(Shot.model_fields)
    assert {"from", "to"} <= set(schema["$defs"]["MoveSpec"]["properties"])
    assert schema["required"] == ["photo"] and schema["additionalProperties"] is False


def test_check_tells_good_from_wrong(tmp_path, capsys):
    (tmp_path / "good.yaml").write_text("photo: skimage:coffee.png\n")
    (tmp_path / "wrong.yaml").write_text("photo: skimage:coffee.png\nsecond: 3\n")
    assert main(["check", str(tmp_path / "good.yaml")]) == 0
    assert "good; 0 things, 0 forces, 72 frames" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "good.yaml"), str(tmp_path / "wrong.yaml")]) == 2
    told = capsys.readouterr()
    assert "wrong.yaml:2  second: given an unknown field" in told.err and "Did you mean `seconds`?" in told.err


def test_schema_goes_to_stdout_or_a_file(tmp_path, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == shot_schema()
    assert main(["schema", "-o", str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text() == schema_text()


def test_devices_are_plain_or_json(capsys):
    assert main(["devices", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert any(device["alias"] == "cpu" for device in told["devices"])


def test_no_command_is_a_usage_error():
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
