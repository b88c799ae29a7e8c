"""A guitar through a diode clipper, made from its equation: what went in, and what came out.

C dv/dt = (g u - v) / R - 2 I sinh(v / V)

u is the guitar, g the gain before the clipper, v the output: the circuit of a distortion pedal (Yeh, Abel & Smith
2007). R = 2.2 kOhm, C = 10 nF, I = 2.52 nA, V = 45.3 mV. The equation is solved by the trapezoidal rule with Newton's
method at four times the rate of the recording.
"""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE, OVERSAMPLED = 24_000, 4
R, C, I, V = 2.2e3, 10e-9, 2.52e-9, 45.3e-3
GAIN, FULL_SCALE = 4.0, 0.8  # volts at an amplitude of 1, before and after the clipper
NOTE = 12_000  # samples of each note, which has died away at their end
NOTES = {"train": 32, "validation": 6, "test": 6}
NEWTON = 4  # steps


def guitar(notes: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return plucked notes (notes, T): harmonics that decay, the higher ones sooner."""
    t = np.arange(NOTE) / RATE
    found = np.zeros((notes, NOTE))
    for n in range(notes):
        for pitch in draw.choice(np.arange(40, 76), draw.integers(1, 4), replace=False):
            base = 440 * 2 ** ((pitch - 69) / 12)
            for k in range(1, min(16, int(RATE / 2.2 / base)) + 1):
                level = draw.uniform(0.5, 1) / k * np.exp(-t * (4 + 2.5 * k))
                found[n] += level * np.sin(2 * np.pi * (k * base * t + draw.random()))
        found[n] *= draw.uniform(0.1, 1) / np.abs(found[n]).max()
    return found * np.minimum(1, np.arange(NOTE) / 24) * np.minimum(1, np.arange(NOTE, 0, -1) / 240)


def clipped(u: NDArray[np.float64], rate: float, newton: int = NEWTON) -> NDArray[np.float64]:
    """Return the clipper's output v for inputs in volts, both (notes, T), from a discharged capacitor."""
    h, v = 1 / rate, np.zeros(len(u))
    found = np.empty_like(u)
    before = np.zeros(len(u))
    for t in range(u.shape[1]):
        now = u[:, t]
        known = v + h / 2 * ((before - v) / R - 2 * I * np.sinh(v / V)) / C + h / 2 * now / (R * C)
        for _ in range(newton):
            change = v + h / 2 * (v / R + 2 * I * np.sinh(v / V)) / C - known
            slope = 1 + h / 2 * (1 / R + 2 * I / V * np.cosh(v / V)) / C
            v = v - np.clip(change / slope, -V, V)  # a longer step could leave the range of sinh
        found[:, t], before = v, now
    return found


def write(folder: Path, seed: int) -> None:
    """Write ``PART-input.wav`` and ``PART-target.wav``, 16 bits, for training, validation and test."""
    draw = np.random.default_rng(seed)
    u = guitar(sum(NOTES.values()), draw)
    fine = np.arange(NOTE * OVERSAMPLED) / OVERSAMPLED
    oversampled = np.stack([np.interp(fine, np.arange(NOTE), GAIN * it) for it in u])
    v = clipped(oversampled, RATE * OVERSAMPLED)[:, ::OVERSAMPLED] / FULL_SCALE
    start = 0
    for part, count in NOTES.items():
        _write(folder / f"{part}-input.wav", u[start : start + count].ravel())
        _write(folder / f"{part}-target.wav", v[start : start + count].ravel())
        start += count


def _write(path: Path, samples: NDArray[np.float64]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(32767 * samples).astype("<i2").tobytes())
