"""Honey poured onto a table: it mounds, and spreads as slowly as its viscosity lets it."""

import numpy as np

import physim


def test_poured_honey_mounds_and_spreads_as_a_viscous_gravity_current():
    """Radius 0.715 (g Q^3 / 3 nu)^(1/8) t^(1/2) of a flux Q over a plane (Huppert, J. Fluid Mech. 121, 1982)."""
    scene = physim.Scene()
    scene.add(physim.Plane())
    honey = physim.Liquid("honey", resolution=32, domain=((-0.08, 0, -0.08), (0.08, 0.14, 0.08)))
    nozzle = physim.Emitter(centre=(0, 0.13, 0), radius=0.007, velocity=(0, -0.2, 0))
    scene.add(nozzle, honey, name="honey")
    run = physim.simulate(scene, seconds=1.25, fps=24, device="cpu")
    track = run["honey"]
    flux = np.pi * 0.007**2 * 0.2
    assert track.volume(-1) == np.clip(track.volume(-1), 0.95 * 1.25 * flux, 1.05 * 1.25 * flux)
    lowest = np.array([np.nanmin(x[:, 1], initial=1.0) for x in track.position])
    touch = int(np.argmax(lowest < 0.005))
    assert 4 <= touch <= 9, "the fall of 13 cm, somewhat braked by its own threads, takes 0.15 to 0.35 s"
    scale = 0.715 * (9.81 * flux**3 / (3 * 10.0 / 1420)) ** (1 / 8)
    found = {}
    for frame in (20, 30):
        x = track.position[frame][np.isfinite(track.position[frame, :, 0])]
        low = x[x[:, 1] < 0.04]
        radius = np.hypot(low[:, 0], low[:, 2])
        found[frame] = np.quantile(radius, 0.98)
        law = scale * np.sqrt((frame - touch) / 24)
        assert abs(found[frame] / law - 1) < 0.25, "cells of 5 mm, 15 across the mound"
        ring = x[np.abs(np.hypot(x[:, 0], x[:, 2]) - 0.012) < 0.003]
        # above it fall the pieces into which a jet of three cells tears
        assert 0.01 < np.quantile(ring[:, 1], 0.85) < 0.025, "a mound and no puddle"
    power = np.log(found[30] / found[20]) / np.log((30 - touch) / (20 - touch))
    assert 0.35 < power < 0.6, "a half"
    assert np.abs(np.nanmean(track.position[-1][:, [0, 2]], axis=0)).max() < 0.002, "it stays where it was poured"
