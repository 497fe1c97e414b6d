"""The unigram tokenizer against SentencePiece. Golden file: ``tests/parity/make_wan.py``."""

import base64
import json

import pytest
from wan_golden import golden

from i2v.models.wan.tokenizer import Pieces, Tokenizer, cleaned, load_tokenizer

RULES = ["nmt_nfkc", "identity"]


@pytest.fixture(scope="module")
def truth():
    return golden("tokenizer")


@pytest.fixture
def tokenizer(truth, tmp_path):
    def of(rule):
        (tmp_path / "spiece.model").write_bytes(truth[f"{rule}/model"].tobytes())
        return load_tokenizer(tmp_path)

    return of


@pytest.mark.parametrize("rule", RULES)
def test_texts_are_cut_as_by_the_reference(truth, tokenizer, rule):
    """Letters that are joined, wide, combined or unknown; bytes for unknown ones with the first model only."""
    told = json.loads(truth[f"{rule}/told"].tobytes())
    assert [tokenizer(rule).encode(text) for text in told["texts"]] == told["numbers"]


@pytest.mark.parametrize("rule", RULES)
def test_the_other_kind_of_file_says_the_same(truth, tokenizer, rule, tmp_path):
    pieces = tokenizer(rule).pieces
    special = [{"content": n, "special": True} for n, kind in zip(pieces.names, pieces.kinds, strict=True) if kind == 3]
    told = {
        "model": {
            "type": "Unigram",
            "unk_id": 2,
            "byte_fallback": rule == "nmt_nfkc",
            "vocab": list(map(list, zip(pieces.names, pieces.scores, strict=True))),
        },
        "added_tokens": special,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(pieces.table).decode()},
            ],
        },
    }
    (tmp_path / "spiece.model").unlink()
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    known = json.loads(truth[f"{rule}/told"].tobytes())
    assert [load_tokenizer(tmp_path).encode(text) for text in known["texts"]] == known["numbers"]


def test_prompts_end_are_filled_up_and_cut(tokenizer):
    tokenizer = tokenizer("nmt_nfkc")
    whole = tokenizer.encode("a red ball")
    numbers, seen = tokenizer(["a  red ball", ""], length=16)
    assert list(numbers[0, : len(whole) + 1]) == [*whole, 1]
    assert not numbers[0, len(whole) + 1 :].any()
    assert list(seen.sum(1)) == [len(whole) + 1, 1]
    cut, _ = tokenizer("a red ball", length=3)
    assert list(cut[0]) == [*whole[:2], 1]


def test_the_way_with_the_largest_sum_wins_over_the_longest_piece():
    names, scores = ["<unk>", "▁", "a", "b", "ab", "ba"], [0, -1, -1, -5, -4, -1]
    tokenizer = Tokenizer(Pieces(names, scores, [2, 1, 1, 1, 1, 1], b""))
    assert [names[i] for i in tokenizer.encode("aba")] == ["▁", "a", "ba"]


def test_prompts_are_cleaned():
    assert cleaned(" a &amp;amp; b\n\tc ") == "a & b c"


def test_what_is_no_tokenizer_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither spiece\.model nor tokenizer\.json"):
        load_tokenizer(tmp_path)
    for name, content in (("spiece.model", b"version https://git-lfs"), ("tokenizer.json", b"{}")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="no unigram tokenizer"):
            load_tokenizer(tmp_path / name)


def test_half_a_file_is_said(truth, tmp_path):
    data = truth["identity/model"].tobytes()
    (tmp_path / "spiece.model").write_bytes(data[: len(data) - 100])
    with pytest.raises(ValueError, match="fetch it again"):
        load_tokenizer(tmp_path)
