"""A hole filled several times in a row gets what each fill alone would give."""

import numpy as np

from physim import membrane
from physim.membrane import fill


def alone(*args, **kwargs):
    membrane._latest.system = None
    return fill(*args, **kwargs)


def test_what_an_earlier_fill_left_changes_nothing():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(24, 31, 2))
    known = np.ones(values.shape[:2], bool)
    known[6:15, 8:20] = False
    rim = np.zeros_like(known)
    rim[4:17, 6:22] = True
    fewer = known.copy()
    fewer[5, 8:14] = False  # other unknown pixels: another system
    calls = [
        (values, dict(known=known)),
        (values + 1, dict(known=known & rim, domain=~known | rim)),  # the same system: what differs touches nothing
        (values, dict(known=fewer)),
        (values, dict(known=known, screen=0.1)),
        (values, dict(known=known, weights=(rng.random(known.shape) + 0.1, rng.random(known.shape) + 0.1))),
        (values, dict(known=known)),
    ]
    truths = [alone(v, **k) for v, k in calls]
    membrane._latest.system = None
    kept = []
    for (v, k), truth in zip(calls, truths, strict=True):
        assert np.array_equal(fill(v, **k), truth)
        kept.append(membrane._latest.system)
    assert kept[0] is kept[1] and len({id(system) for system in kept[1:]}) == 5
