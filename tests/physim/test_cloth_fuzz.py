"""Random scenes of cloth with fixed seeds: pins, winds up to 30 m/s, thrown bodies; nothing explodes."""

import pytest
from fuzz_cloth import judge


@pytest.mark.parametrize("seed", range(10))
def test_cloth_does_not_explode(seed):
    assert judge(seed) == []
