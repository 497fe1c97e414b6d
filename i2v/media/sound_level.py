"""Loudness by ITU-R BS.1770-5, and a limiter that holds true peaks.

K-weighting: a shelf of +4 dB above 1.5 kHz (the head) and a high pass at 38 Hz. Loudness is the mean square over blocks
of 400 ms, of which those below -70 LUFS, and 10 below the mean of the rest, do not count.
"""

from __future__ import annotations

import numpy as np

CEILING = -1.0
"""True peak [dBTP], EBU R 128 s2."""
AHEAD = 0.003
"""How long before a peak the limiter begins [s]."""
RELEASE = 0.08
"""Time constant with which it lets go [s]."""
OVERSAMPLING = 4


def k_weighting(rate: int) -> np.ndarray:
    """Second-order sections (2, 6) of the K filter, for any sample rate.

    The analogue filters that the coefficients of BS.1770 at 48 kHz were made from (Mansbridge, Finn, Reiss, AES
    132, 2012): the same numbers at 48 kHz, to rounding.
    """
    sections = []
    for gain, q, centre, kind in (
        (3.999843853973347, 0.7071752369554196, 1681.974450955533, "shelf"),
        (0.0, 0.5003270373238773, 38.13547087602444, "pass"),
    ):
        k = np.tan(np.pi * centre / rate)
        if kind == "shelf":
            high = 10 ** (gain / 20)
            band = high**0.4996667741545416
            b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k])
            norm = 1 + k / q + k * k
            b /= norm
        else:
            b = np.array([1.0, -2.0, 1.0])
            norm = 1 + k / q + k * k
        sections.append([*b, 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm])
    return np.array(sections)


def loudness(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness of (N, channels) at full scale 1 [LUFS]; -inf where all is silent."""
    from scipy.signal import sosfilt

    weighted = sosfilt(k_weighting(rate), np.atleast_2d(samples.T).T, axis=0)
    block, hop = round(0.4 * rate), round(0.1 * rate)
    if len(weighted) < block:  # shorter than one block: all of it is one
        energy = np.array([np.sum(np.mean(weighted**2, axis=0))])
    else:
        total = np.concatenate([np.zeros((1, weighted.shape[1])), np.cumsum(weighted**2, axis=0)])
        starts = np.arange(0, len(weighted) - block + 1, hop)
        energy = np.sum(total[starts + block] - total[starts], axis=1) / block
    loud = energy[energy > 10 ** ((-70 + 0.691) / 10)]
    if not len(loud):
        return float("-inf")
    loud = loud[loud > loud.mean() / 10]
    return float(-0.691 + 10 * np.log10(loud.mean()))


def true_peak(samples: np.ndarray) -> float:
    """Largest magnitude between the samples too, by four times oversampling [full scale]."""
    return float(_envelope(samples).max(initial=0.0))


def limited(samples: np.ndarray, rate: int, ceiling: float = CEILING) -> np.ndarray:
    """``samples`` (N, channels) with true peaks of at most ``ceiling`` [dBTP]; what is below it stays as it is."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    top = 10 ** (ceiling / 20)
    for margin in (1.0, 0.999, 0.995):  # smoothing leaves a little, which the next round takes down
        envelope = _envelope(samples)
        if envelope.max(initial=0.0) <= top:
            return samples
        wanted = np.minimum(1.0, margin * top / np.maximum(envelope, 1e-12))
        ahead = max(1, round(AHEAD * rate))
        gain = minimum_filter1d(wanted, 2 * ahead + 1)
        gain = _released(gain, np.exp(-1 / (RELEASE * rate)))
        gain = uniform_filter1d(gain, ahead)
        samples = samples * gain[:, None]
    return samples * min(1.0, top / max(true_peak(samples), 1e-12))


def _released(gain: np.ndarray, keep: float) -> np.ndarray:
    """The gain falls at once and comes back exponentially: 1 - out[k] = max of (1 - gain[j]) keep^(k - j), j <= k."""
    fall = np.arange(len(gain)) * np.log(keep)
    with np.errstate(divide="ignore"):
        taken = np.log(1 - gain) - fall
    return 1 - np.exp(np.maximum.accumulate(taken) + fall)


def _envelope(samples: np.ndarray) -> np.ndarray:
    """Largest magnitude over the channels at and after each sample (N,)."""
    from scipy.signal import resample_poly

    peak = np.zeros(len(samples))
    for channel in samples.T:
        fine = np.abs(resample_poly(channel, OVERSAMPLING, 1))
        peak = np.maximum(peak, fine.reshape(-1, OVERSAMPLING).max(axis=1))
    return peak
