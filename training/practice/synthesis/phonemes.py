"""What a voice can sing: vowels as formants, consonants as a short gesture and a noise."""

from dataclasses import dataclass

# The first four formants in Hz of an adult man's vowels, after the averages of Peterson & Barney (JASA 1952); their
# three plus a fourth drawn towards the third, as in trained singing.
VOWELS: dict[str, tuple[float, float, float, float]] = {
    "a": (730, 1090, 2440, 3250),
    "e": (530, 1840, 2480, 3300),
    "i": (270, 2290, 3010, 3500),
    "o": (570, 840, 2410, 3150),
    "u": (300, 870, 2240, 3100),
    "uh": (640, 1190, 2390, 3250),
    "ae": (660, 1720, 2410, 3300),
    "er": (490, 1350, 1690, 3050),
}


@dataclass(frozen=True)
class Noise:
    """The hiss of a consonant: a band, how loud it is beside the voice, and whether it bursts or swells."""

    centre_hz: float
    bandwidth_hz: float
    gain: float
    seconds: float
    burst: bool


@dataclass(frozen=True)
class Consonant:
    """What happens in the ``seconds`` before a vowel.

    ``voicing`` is how loud the voice stays meanwhile (0 = unvoiced) and ``formants`` where it is heading from;
    ``noise`` comes on top and ends where the vowel begins.
    """

    seconds: float
    voicing: float
    formants: tuple[float, float, float, float] | None = None
    noise: Noise | None = None


CONSONANTS: dict[str, Consonant] = {
    "": Consonant(0.0, 1.0),
    "m": Consonant(0.08, 0.35, (250, 1000, 2200, 3100)),
    "n": Consonant(0.07, 0.35, (250, 1500, 2500, 3200)),
    "l": Consonant(0.07, 0.55, (340, 1100, 2700, 3300)),
    "r": Consonant(0.08, 0.6, (380, 1150, 1600, 3000)),
    "w": Consonant(0.08, 0.5, (300, 640, 2200, 3100)),
    "y": Consonant(0.07, 0.55, (270, 2250, 3000, 3500)),
    "b": Consonant(0.06, 0.05, (250, 800, 2200, 3200), Noise(900, 900, 0.25, 0.015, True)),
    "d": Consonant(0.06, 0.05, (250, 1700, 2600, 3300), Noise(3600, 2500, 0.35, 0.02, True)),
    "g": Consonant(0.06, 0.05, (250, 2100, 2400, 3200), Noise(2000, 1200, 0.3, 0.025, True)),
    "z": Consonant(0.09, 0.25, (250, 1700, 2600, 3300), Noise(6500, 3500, 0.3, 0.09, False)),
    "v": Consonant(0.07, 0.3, (250, 1100, 2300, 3200), Noise(5000, 8000, 0.1, 0.07, False)),
    "s": Consonant(0.13, 0.0, (300, 1700, 2600, 3300), Noise(7000, 3500, 0.35, 0.12, False)),
    "sh": Consonant(0.13, 0.0, (300, 1800, 2400, 3200), Noise(3500, 2200, 0.4, 0.12, False)),
    "f": Consonant(0.1, 0.0, (300, 1100, 2300, 3200), Noise(6000, 9000, 0.18, 0.1, False)),
    "h": Consonant(0.08, 0.0, None, Noise(1600, 2500, 0.2, 0.09, False)),
    "t": Consonant(0.09, 0.0, (300, 1700, 2600, 3300), Noise(4800, 3500, 0.7, 0.045, True)),
    "k": Consonant(0.09, 0.0, (300, 2000, 2400, 3200), Noise(2200, 1400, 0.6, 0.05, True)),
    "p": Consonant(0.08, 0.0, (300, 800, 2200, 3200), Noise(1000, 1200, 0.4, 0.035, True)),
    "ch": Consonant(0.11, 0.0, (300, 1800, 2400, 3200), Noise(3600, 2200, 0.7, 0.08, True)),
}
