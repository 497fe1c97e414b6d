"""Sound of bodies, liquids and air: exact where there is a closed form, in proportion where there is a law."""

import numpy as np
import pytest

from i2v.media import sound_air, sound_water
from i2v.media.sound import RATE, Mix, placed, pressure, synthesize
from i2v.media.sound_bank import ring
from i2v.media.sound_file import read_wav, write_wav
from i2v.media.sound_friction import rub_force
from i2v.media.sound_level import k_weighting, limited, loudness, true_peak
from physim.audible import Audible, Current, Resonator, Rub, Splash, Strike

BEFORE = np.array([[0.0, 0.0, 1.0]])
"""One metre in front of a camera that stands at the origin."""


def body(frequency=(1000.0, 2300.0), decay=(30.0, 60.0), position=BEFORE, held=0.0):
    pole = -np.array(decay) + 2j * np.pi * np.array(frequency)
    return Resonator("cup", "ceramic", pole, np.ones(len(pole), complex), position, np.full(1, held), 0.05)


def blow(time=0.1, duration=1e-4, impulse=1.0, modes=2):
    return Strike(0, time, duration, impulse, np.ones(modes))


def heard(strikes, seconds=0.5, resonator=None, **more):
    return Audible(seconds, 240.0, (resonator or body(),), tuple(strikes), **more)


def spectrum_peak(samples, rate=RATE):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4 * len(samples)))
    return np.argmax(spectrum) * rate / (4 * len(samples))


def test_a_blow_is_the_exact_answer_of_a_damped_oscillator():
    """Against numerical integration of z' = p z + f at a hundred steps per sample, for a blow between two samples."""
    strike = blow(time=0.0100037, duration=3.3e-4)
    got = ring(body(held=0.0), [strike], [], count=1200, rate=RATE, sample_rate=240)
    fine = RATE * 100
    t = (np.arange(1200 * 100) + 0.5) / fine - strike.time
    w = np.pi / strike.duration
    force = np.where((t > 0) & (t < strike.duration), w / 2 * np.sin(w * t), 0)
    expected = np.zeros(1200)
    for pole in body().pole:
        integral = np.cumsum(force * np.exp(-pole * (t + strike.time))) / fine
        at = np.arange(1200) * 100
        z = np.exp(pole * np.arange(1200) / RATE) * np.where(at > 0, integral[at - 1], 0)
        expected += z.real
    assert np.abs(got - expected).max() < 2e-4 * np.abs(expected).max()


def test_a_held_body_rings_shorter():
    free, held = (ring(body(held=h), [blow(0.0)], [], count=RATE // 2, rate=RATE, sample_rate=240) for h in (0.0, 40.0))
    ratio = np.abs(held[9600:9700]).max() / np.abs(free[9600:9700]).max()
    assert ratio == pytest.approx(np.exp(-40 * 0.2), rel=0.08)  # 0.2 s later; stepped in blocks of 1.3 ms


def test_twice_the_impulse_is_six_decibels():
    levels = [
        np.abs(pressure(heard([blow(impulse=j)]), Mix(tone=0), count=RATE // 2, rate=RATE)["blows"]).max()
        for j in (0.01, 0.02, 0.04)
    ]
    assert 20 * np.log10(np.array(levels[1:]) / levels[:-1]) == pytest.approx([6.02, 6.02], abs=0.01)


def test_in_one_shot_the_harder_blow_is_six_decibels_louder_below_the_limiter():
    sound = synthesize(heard([blow(0.1, impulse=0.5), blow(0.6, impulse=0.25)], 1.0), Mix(loudness=-30, tone=0))
    first, second = (np.abs(sound.samples[round(t * RATE) : round((t + 0.1) * RATE)]).max() for t in (0.1, 0.6))
    assert 20 * np.log10(first / second) == pytest.approx(6.02, abs=0.2)


def test_a_longer_blow_is_duller():
    """A half-sine of D has |cos(w D / 2) / (1 - (w D / pi)^2)| of the impulse's spectrum at w."""
    ratio = []
    for d in (1e-4, 4e-4):
        z = ring(body(), [blow(duration=d)], [], count=RATE // 2, rate=RATE, sample_rate=240)
        low, high = (np.abs(np.sum(z * np.exp(-2j * np.pi * f * np.arange(len(z)) / RATE))) for f in (1000, 2300))
        ratio.append(high / low)
    w = 2 * np.pi * np.array([1000, 2300])
    one, four = (np.abs(np.cos(w * d / 2) / (1 - (w * d / np.pi) ** 2)) for d in (1e-4, 4e-4))
    assert ratio[1] / ratio[0] == pytest.approx((four[1] / four[0]) / (one[1] / one[0]), rel=0.03)


def test_rolling_follows_its_speed_in_pitch_and_level():
    rows = np.ones(241)
    centroids, levels = [], []
    for v in (0.1, 0.2, 0.4):
        rub = Rub(0, rows, 0 * rows, v * rows, np.ones(2), 5e-5)
        force = rub_force(rub, count=4 * RATE, rate=RATE, sample_rate=240, seed=0)
        power = np.abs(np.fft.rfft(force)) ** 2
        wave = np.fft.rfftfreq(4 * RATE, 1 / RATE)
        centroids.append(np.sum(power * wave) / np.sum(power))
        levels.append(np.sqrt(np.mean(force**2)))
    assert np.diff(np.log2(centroids)) == pytest.approx([1, 1], abs=0.15)  # an octave per doubling
    assert np.diff(np.log2(levels)) == pytest.approx([1, 1], abs=0.1)


def test_what_lies_still_makes_no_noise():
    rows = np.ones(241)
    rub = Rub(0, rows, 0 * rows, 0 * rows, np.ones(2), 1e-3)
    assert not rub_force(rub, count=RATE, rate=RATE, sample_rate=240, seed=0).any()


@pytest.mark.parametrize("radius", [5e-4, 1e-3, 2e-3, 5e-3])
def test_a_bubble_has_the_pitch_of_minnaert(radius):
    values = sound_water.bubble(radius, 0.0, offset=0.0, rate=RATE)
    assert spectrum_peak(values) * radius == pytest.approx(3.26, rel=0.03)


def test_a_rising_bubble_rises():
    values = sound_water.bubble(2e-3, 0.1, offset=0.0, rate=RATE)
    half = len(values) // 2
    assert spectrum_peak(values[half:]) > 1.1 * spectrum_peak(values[:half])


def test_bubbles_hold_the_air_that_was_entrained():
    splash = Splash(0.0, BEFORE[0], 0.1, 2e-6)
    found = [sound_water.bubbles_of((splash,), np.random.default_rng(s)) for s in range(40)]
    volume = np.mean([np.sum(4 / 3 * np.pi * b.radius**3) for b in found])
    assert volume == pytest.approx(2e-6, rel=0.1)  # forty draws of a few hundred bubbles, the large ones rare


def test_wind_follows_the_sixth_power_and_the_strouhal_pitch():
    levels, pitches = [], []
    for v in (5.0, 10.0):
        wind = Current("wind", np.full(241, v), 0.002, 1.0, np.full((1, 3), np.nan))
        values = sound_air.current_pressure(wind, count=RATE, rate=RATE, sample_rate=240, seed=1)
        levels.append(np.sqrt(np.mean(values**2)))
        power = np.abs(np.fft.rfft(values)) ** 2
        pitches.append(np.exp(np.average(np.log(np.arange(1, len(power))), weights=power[1:])))
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(60 * np.log10(2), abs=1.0)
    assert pitches[1] / pitches[0] == pytest.approx(2, rel=0.25)  # bands of first order are broad


def test_the_camera_hears_left_right_and_distance():
    audible = heard([])
    left, ahead, far = (placed(np.array([p]), audible, 10, RATE)[0] for p in ((-1, 0, 1), (0, 0, 1), (0, 0, 2)))
    assert left[0] > 2 * left[1]
    assert ahead[0] == pytest.approx(ahead[1])
    assert far == pytest.approx(ahead / 2)
    assert np.sum(left**2) == pytest.approx(np.sum(ahead**2) / 2)  # equal power, at the square root of two


def test_a_sine_of_full_scale_has_the_loudness_of_the_standard():
    """BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LUFS."""
    t = np.arange(3 * RATE) / RATE
    sine = np.stack([np.sin(2 * np.pi * 997 * t), np.zeros_like(t)], axis=1)
    assert loudness(sine, RATE) == pytest.approx(-3.01, abs=0.02)
    assert loudness(0.1 * sine, RATE) == pytest.approx(-23.01, abs=0.02)
    silent = np.concatenate([0.1 * sine, np.zeros_like(sine)])  # the gate leaves silence out
    assert loudness(silent, RATE) == pytest.approx(-23.01, abs=0.3)


def test_the_k_filter_has_the_coefficients_of_the_standard():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    assert k_weighting(48_000) == pytest.approx(np.array([shelf, high]), abs=1e-6)


def test_the_limiter_holds_true_peaks_and_leaves_the_rest():
    t = np.arange(RATE) / RATE
    sine = 0.3 * np.sin(2 * np.pi * 300 * t)
    loud = sine.copy()
    loud[24_000:24_480] *= 8
    out = limited(np.stack([loud, sine], axis=1), RATE, -1.0)
    assert 20 * np.log10(true_peak(out)) <= -0.99
    assert out[:20_000, 0] == pytest.approx(loud[:20_000])
    between = np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4)[:, None]  # its samples are 3 dB below its peaks
    assert 20 * np.log10(true_peak(between)) == pytest.approx(0.0, abs=0.2)  # the resampler ripples


def test_loudness_is_what_was_asked_for():
    audible = heard([blow(0.1 * k, impulse=0.3) for k in range(20)], 2.0)
    assert synthesize(audible, Mix(loudness=-23)).loudness == pytest.approx(-23, abs=0.5)


def test_silence_stays_nearly_silent():
    sound = synthesize(heard([], 1.0))
    assert -70 < sound.loudness < -35  # the tone of the place, raised by no more than the bound


def test_a_recording_takes_the_place_of_the_modes_and_keeps_proportions(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(4410) / 44_100) * np.exp(-np.arange(4410) / 800)
    values, rate = read_wav(write_wav(tmp_path / "hit.wav", 0.5 * tone[:, None], 44_100))
    assert rate == 44_100 and values[:, 0] == pytest.approx(0.5 * tone, abs=1e-6)
    mix = Mix(tone=0, recordings={"ceramic": (values, rate)})
    stem = pressure(heard([blow(0.1, impulse=1), blow(0.3, impulse=2)]), mix, count=RATE // 2, rate=RATE)["blows"]
    first, second = (np.abs(stem[round(a * RATE) : round((a + 0.1) * RATE)]).max() for a in (0.1, 0.3))
    assert second / first == pytest.approx(2, rel=1e-3)
    assert spectrum_peak(stem[4800:9600, 0]) == pytest.approx(440, rel=0.02)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x24\0\0\0WAVEfmt "])
def test_what_is_no_recording_is_refused(tmp_path, data):
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(ValueError, match="is no WAV file that can be read"):
        read_wav(tmp_path / "a.wav")


def test_the_same_shot_sounds_the_same():
    audible = heard([blow()], splashes=(Splash(0.2, BEFORE[0], 0.1, 1e-6),), room=3.0)
    assert np.array_equal(synthesize(audible).samples, synthesize(audible).samples)
