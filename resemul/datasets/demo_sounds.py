"""The sounds of the demo data set: formulas that only resemble instruments.

Nothing here is a recording. Each source has a timbre that a network can learn
from raw audio, with pitch, tempo, level and details drawn anew for every clip.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Hz, as in MTT.
SAMPLE_RATE = 16_000

# Semitones above a clip's root: any two of a major pentatonic scale go together.
_PENTATONIC = (0, 2, 4, 7, 9)
_NOTES_PER_SOURCE = 6
_TABLE_SIZE = 2048
# (Hz, relative amplitude) of the formants of a, e, o; the last is the singer's.
_VOWELS = (
    ((800, 1.0), (1150, 0.7), (2900, 0.6)),
    ((600, 1.0), (1900, 0.5), (2900, 0.6)),
    ((500, 1.0), (900, 0.7), (2900, 0.6)),
)


@dataclass(frozen=True)
class Score:
    """What the sources of one clip have in common.

    `onsets`: float64 `(notes,)`, seconds; `interval`: seconds from note to note;
    `root_hz`: the pitch class that the scale starts on; `num_samples`: length.
    """

    onsets: np.ndarray
    interval: float
    root_hz: float
    num_samples: int


def render_clip(
    sources: tuple[str, ...],
    notes_per_second: float,
    level_db: float,
    num_samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the mix of some `SOURCES`: float32 `(num_samples,)` in (-1, 1).

    Args:
        sources: keys of `SOURCES`.
        notes_per_second: one tempo for all sources.
        level_db: RMS of the mix before its peaks are rounded off, dB full scale.
        num_samples: at `SAMPLE_RATE` Hz.
        rng: everything else is drawn from it.
    """
    interval = 1 / notes_per_second
    seconds = num_samples / SAMPLE_RATE
    grid = np.arange(rng.uniform(0, min(interval, seconds / 2)), seconds, interval)
    score = Score(grid, interval, 55 * 2 ** rng.uniform(0, 1), num_samples)
    mix = np.zeros(num_samples)
    for source in sources:
        sound = SOURCES[source](score, rng)
        mix += _to_rms(sound, 10 ** (rng.uniform(-6, 0) / 20))
    mix = _to_rms(mix, 1.0) + 0.01 * rng.standard_normal(num_samples)
    time = np.arange(num_samples) / SAMPLE_RATE
    swell = np.sin(2 * np.pi * (rng.uniform(0.03, 0.12) * time + rng.uniform()))
    mix *= 10 ** ((level_db + 1.5 * swell) / 20)
    return np.tanh(mix).astype("float32")


def _to_rms(sound: np.ndarray, rms: float) -> np.ndarray:
    return sound * (rms / max(float(np.sqrt(np.mean(sound**2))), 1e-9))


# -- notes: (pitch in Hz, seconds, rng) -> float64 (n,) ------------------------------


def _time(seconds: float) -> np.ndarray:
    return np.arange(max(round(seconds * SAMPLE_RATE), 1)) / SAMPLE_RATE


def _sustain(seconds: float, attack: float, release: float) -> np.ndarray:
    """An envelope from 0 up to 1 and back; shorter flanks in shorter notes."""
    time = _time(seconds)
    flank = min(1.0, seconds / (attack + release))
    rise = np.minimum(time / (attack * flank), 1.0)
    return rise * np.minimum((seconds - time) / (release * flank), 1.0)


def _harmonics(pitch: float) -> np.ndarray:
    """Numbers of the harmonics up to 7 kHz: 1, 2, 3, ..."""
    return np.arange(1, max(int(7000 / pitch), 1) + 1)


def _oscillate(amplitudes: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """A periodic wave with these harmonics and a frequency for every sample."""
    spectrum = np.zeros(_TABLE_SIZE // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * amplitudes * _TABLE_SIZE
    table = np.fft.irfft(spectrum)
    phase = np.cumsum(frequency) * (_TABLE_SIZE / SAMPLE_RATE)
    return table[phase.astype(np.int64) % _TABLE_SIZE]


def _vibrato(
    pitch: float, seconds: float, depth: float, rng: np.random.Generator
) -> np.ndarray:
    wave = np.sin(2 * np.pi * (rng.uniform(4.5, 6.5) * _time(seconds) + rng.uniform()))
    return pitch * (1 + depth * wave)


def _guitar_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A plucked string (Karplus and Strong, Computer Music Journal 1983)."""
    period = max(int(SAMPLE_RATE / pitch), 2)
    rows = np.empty((int(seconds * SAMPLE_RATE) // period + 1, period))
    rows[0] = rng.uniform(-1, 1, period)
    rows[0] -= rows[0].mean()
    for i in range(1, len(rows)):
        # Each period is the one before, smoothed: high partials die first.
        rows[i] = 0.895 * rows[i - 1] + 0.1 * np.roll(rows[i - 1], 1)
    return rows.ravel() * _sustain(rows.size / SAMPLE_RATE, 0.001, 0.05)


def _piano_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    time = _time(seconds)[:, None]
    k = _harmonics(pitch)[:10]
    stretched = k * pitch * np.sqrt(1 + 4e-4 * k**2)
    partials = np.sin(2 * np.pi * stretched * time) * np.exp(-(2 + 0.8 * k) * time)
    hammer = rng.standard_normal(len(time)) * np.exp(-time[:, 0] * 150)
    return partials @ (1 / k**1.3) + 0.3 * hammer


def _bell_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    time = _time(seconds)[:, None]
    # Partials of a free bar: no harmonics of anything.
    ratios = np.array([1.0, 2.756, 5.404])
    ratios = ratios[ratios * pitch < 7500]
    decay = np.exp(-2.5 * np.sqrt(ratios) * time)
    phases = rng.uniform(0, 1, len(ratios))
    partials = np.sin(2 * np.pi * (ratios * pitch * time + phases)) * decay
    return partials @ (1 / ratios**0.4)


def _bass_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    frequency = np.full(len(_time(seconds)), pitch)
    amplitudes = np.array([1.0, rng.uniform(0.3, 0.6), 0.15])
    return _oscillate(amplitudes, frequency) * _sustain(seconds, 0.01, 0.08)


def _flute_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    frequency = _vibrato(pitch, seconds, 0.008, rng)
    tone = _oscillate(np.array([1.0, rng.uniform(0.1, 0.3), 0.05]), frequency)
    breath = np.diff(rng.standard_normal(len(tone) + 1))
    return (tone + 0.08 * breath) * _sustain(seconds, 0.06, 0.08)


def _strings_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Three saw-tooth waves, slightly out of tune with each other."""
    amplitudes = 1 / _harmonics(pitch)
    ensemble = sum(
        _oscillate(amplitudes, _vibrato(pitch * detune, seconds, 0.006, rng))
        for detune in (0.994, 1.0, 1.007)
    )
    return ensemble * _sustain(seconds, 0.18, 0.15)


def _synth_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A square wave, gated: steady pitch, hard edges."""
    k = _harmonics(pitch)
    frequency = np.full(len(_time(seconds)), pitch)
    return _oscillate((k % 2) / k, frequency) * _sustain(seconds, 0.003, 0.003)


def _voice_note(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A buzz through the formants of one vowel, sliding up to its pitch."""
    k = _harmonics(pitch)
    vowel = _VOWELS[rng.integers(len(_VOWELS))]
    formants = sum(
        gain / (1 + ((k * pitch - centre) / 90) ** 2) for centre, gain in vowel
    )
    slide = 1 - 0.06 * np.exp(-_time(seconds) * 25)
    frequency = _vibrato(pitch, seconds, 0.025, rng) * slide
    return _oscillate(formants / k**0.3, frequency) * _sustain(seconds, 0.05, 0.08)


# -- sources: (score, rng) -> float64 (num_samples,) ---------------------------------

_Note = Callable[[float, float, np.random.Generator], np.ndarray]
Source = Callable[[Score, np.random.Generator], np.ndarray]


def _melody(note: _Note, lowest_hz: float, ring_seconds: float | None = None) -> Source:
    """A source that plays notes of the scale in the octave from `lowest_hz`.

    `ring_seconds`: how long a note sounds; None: until about the next one.
    """

    def play(score: Score, rng: np.random.Generator) -> np.ndarray:
        seconds = ring_seconds or score.interval * rng.uniform(0.75, 1.0)
        degrees = rng.choice(_PENTATONIC, _NOTES_PER_SOURCE)
        octave = np.log2(score.root_hz / lowest_hz) + degrees / 12
        pitches = lowest_hz * 2 ** (octave % 1)
        bank = [note(pitch, seconds, rng) for pitch in pitches]
        picks = rng.integers(0, len(bank), len(score.onsets))
        return _place(bank, picks, score, rng)

    return play


def _place(
    bank: list[np.ndarray], picks: np.ndarray, score: Score, rng: np.random.Generator
) -> np.ndarray:
    """Adds the picked notes at the onsets, a little off the beat; some are left out."""
    jitter = rng.normal(0, 0.02, len(picks)) * score.interval
    starts = ((score.onsets + jitter) * SAMPLE_RATE).astype(np.int64)
    starts = starts.clip(0, score.num_samples)
    is_played = rng.uniform(size=len(picks)) < 0.9
    is_played[0] = True
    gains = rng.uniform(0.6, 1.0, len(picks)) * is_played
    longest = max(map(len, bank))
    sound = np.zeros(score.num_samples + longest)
    for start, pick, gain in zip(starts, picks, gains, strict=True):
        sound[start : start + len(bank[pick])] += gain * bank[pick]
    return sound[: score.num_samples]


def _drums(score: Score, rng: np.random.Generator) -> np.ndarray:
    """A kick, a snare and a hi-hat, in a pattern of eight that the clip repeats."""
    time = _time(0.25)
    noise = rng.standard_normal((2, len(time) + 1))
    sweep = np.cumsum(45 + rng.uniform(80, 140) * np.exp(-time * 30)) / SAMPLE_RATE
    kick = 1.6 * np.sin(2 * np.pi * sweep) * np.exp(-time * 14)
    snare = noise[0, 1:] * np.exp(-time * rng.uniform(16, 26))
    hi_hat = 0.5 * np.diff(noise[1]) * np.exp(-time * rng.uniform(40, 70))
    pattern = np.array([0, 2, 1, 2, 0, rng.integers(3), 1, 2])
    picks = np.resize(pattern, len(score.onsets))
    return _place([kick, snare, hi_hat], picks, score, rng)


def _wind(score: Score, rng: np.random.Generator) -> np.ndarray:
    """Noise in a band, rising and falling slowly; it ignores the tempo."""
    frequency = np.fft.rfftfreq(score.num_samples, 1 / SAMPLE_RATE)
    centre = rng.uniform(500, 1500)
    band = 1 / (1 + ((frequency - centre) / (0.4 * centre)) ** 2)
    spectrum = band * np.exp(2j * np.pi * rng.uniform(size=len(frequency)))
    time = np.arange(score.num_samples) / SAMPLE_RATE
    gusts = np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * time + rng.uniform()))
    return np.fft.irfft(spectrum, score.num_samples) * (1 + 0.5 * gusts)


# Neighbouring registers overlap where their timbres are easy to tell apart.
SOURCES: dict[str, Source] = {
    "guitar": _melody(_guitar_note, 98, ring_seconds=1.0),
    "drums": _drums,
    "piano": _melody(_piano_note, 262, ring_seconds=1.0),
    "strings": _melody(_strings_note, 165),
    "synth": _melody(_synth_note, 392),
    "voice": _melody(_voice_note, 196),
    "flute": _melody(_flute_note, 659),
    "bass": _melody(_bass_note, 41),
    "wind": _wind,
    "bells": _melody(_bell_note, 988, ring_seconds=1.2),
}
