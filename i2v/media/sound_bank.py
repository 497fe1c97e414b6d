"""Ringing bodies: a bank of damped oscillators driven by exact half-sine blows and by the noise of sliding and rolling.

An oscillator ``z' = p z + c f(t)`` that a force ``f = J W/2 sin(W s)``, ``W = pi / D``, drives from s = 0 to D holds

    z(s) = c J W/2 (W e^(p s) - p sin(W s) - W cos(W s)) / (p^2 + W^2),   0 <= s <= D

and rings on from there. It is evaluated at the sample times, so a blow between two samples is not rounded to one of
them. Between blows only the state at the beginning of each block of 64 samples is stepped; the blocks themselves, for
all oscillators together, are one product of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from physim.audible import Resonator, Rub, Strike

BLOCK = 64
"""Samples."""


def ring(
    body: Resonator,
    strikes: Sequence[Strike],
    rubs: Sequence[tuple[Rub, np.ndarray]],
    *,
    count: int,
    rate: int,
    sample_rate: float,
) -> np.ndarray:
    """Pressure of one body at one metre [Pa], (count,) float64.

    Args:
        body: The oscillators.
        strikes: Blows on it.
        rubs: What slides or rolls on it, each with its force at the samples (count,) [N].
        count: Samples wanted.
        rate: Samples per second.
        sample_rate: Rows per second of ``body.held``.
    """
    keep = np.abs(body.pole.imag) < np.pi * rate * 0.98
    pole, weight = body.pole[keep], body.weight[keep]
    blocks = -(-count // BLOCK)
    out = np.zeros(blocks * BLOCK)
    fed = np.zeros((blocks + 1, len(pole)), np.complex128)
    for strike in strikes:
        _strike(strike, strike.coupling[keep], pole, weight, out, fed, rate)
    for rub, force in rubs:
        _drive(force, rub.coupling[keep], pole, weight, out, fed, rate)
    times = np.arange(blocks) * (BLOCK / rate)
    held = np.interp(times, np.arange(len(body.held)) / sample_rate, body.held)
    states = _states(pole, fed, held, rate)
    powers = np.exp(pole[:, None] * (np.arange(BLOCK) / rate))
    voiced = states * weight
    out += (voiced.real @ powers.real - voiced.imag @ powers.imag).ravel()
    return out[:count]


def _states(pole: np.ndarray, fed: np.ndarray, held: np.ndarray, rate: int) -> np.ndarray:
    """State at the beginning of each block (blocks, M)."""
    step = np.exp(pole * (BLOCK / rate))
    loss = np.exp(-held * (BLOCK / rate))
    loss_of = np.ones(len(pole))
    states = np.zeros((len(held), len(pole)), np.complex128)
    now = np.zeros(len(pole), np.complex128)
    quiet = not fed.any()
    if quiet:
        return states
    for k in range(len(held)):
        now = now + fed[k]
        states[k] = now
        now = now * step * (loss[k] * loss_of)
    return states


def _strike(strike: Strike, coupling, pole, weight, out, fed, rate) -> None:  # type: ignore[no-untyped-def]
    """Samples until the first block after the blow; from there on the oscillators ring by themselves."""
    blocks = len(fed) - 1
    end = strike.time + strike.duration
    block = int(np.floor(end * rate / BLOCK)) + 1
    first = max(0, int(np.ceil(strike.time * rate)))
    last = min(block * BLOCK, len(out))
    if first >= len(out):
        return
    w = np.pi / strike.duration
    scale = coupling * strike.impulse * (w / 2) / (pole**2 + w**2)
    s = np.arange(first, last) / rate - strike.time
    during = np.minimum(s, strike.duration)
    grown = w * np.exp(np.outer(during, pole)) - np.outer(np.sin(w * during), pole) - w * np.cos(w * during)[:, None]
    after = np.exp(np.outer(s - during, pole))
    out[first:last] += ((grown * after) @ (scale * weight)).real
    if block < blocks:
        rest = block * BLOCK / rate - end
        fed[block] += scale * w * (np.exp(pole * strike.duration) + 1) * np.exp(pole * rest)


def _drive(force, coupling, pole, weight, out, fed, rate) -> None:  # type: ignore[no-untyped-def]
    """A force that is known at every sample."""
    from scipy.linalg import toeplitz

    blocks = len(fed) - 1
    padded = np.zeros(blocks * BLOCK)
    padded[: len(force)] = force
    frames = padded.reshape(blocks, BLOCK)
    used = np.flatnonzero(frames.any(axis=1))
    if not len(used):
        return
    lag = np.exp(pole[:, None] * (np.arange(BLOCK) / rate)) / rate
    response = ((weight * coupling) @ lag).real
    out.reshape(blocks, BLOCK)[used] += frames[used] @ toeplitz(response, np.zeros(BLOCK)).T
    ahead = (np.exp(pole[:, None] * ((BLOCK - np.arange(BLOCK)) / rate)) / rate).T * coupling
    fed[used + 1] += frames[used] @ ahead
