"""Metrics say what theory, the toolbox and the paper say, and have an answer for silence."""

import math

import pytest
import torch

from separator.errors import AudioError
from separator.metrics import (
    bss_eval,
    clean,
    framewise_sdr,
    grade,
    grade_clean,
    grade_silence,
    sdr,
    si_sdr,
    silence_leak,
    summarise,
)

RATE = 8000


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def target() -> torch.Tensor:
    return noise(2, 4 * RATE)


@pytest.fixture
def others() -> torch.Tensor:
    return noise(2, 4 * RATE, seed=1)


def test_a_perfect_estimate_reaches_the_limit(target: torch.Tensor) -> None:
    assert sdr(target, target) == si_sdr(target, target) == 100


def test_noise_20_db_below_scores_20_db(target: torch.Tensor, others: torch.Tensor) -> None:
    others = others * target.norm() / others.norm()
    assert sdr(target, target + 0.1 * others).item() == pytest.approx(20, abs=1e-5)
    assert si_sdr(target, target + 0.1 * others).item() == pytest.approx(20, abs=0.1)


def test_a_scaled_copy_costs_sdr_but_not_si_sdr(target: torch.Tensor) -> None:
    assert sdr(target, 0.5 * target).item() == pytest.approx(20 * math.log10(2), abs=1e-5)
    assert si_sdr(target, 0.5 * target) == 100


def test_silence_as_the_estimate_scores_zero(target: torch.Tensor) -> None:
    assert sdr(target, torch.zeros_like(target)) == 0
    assert si_sdr(target, torch.zeros_like(target)) == -100


def test_one_sample_of_delay_costs_white_noise_3_db(target: torch.Tensor) -> None:
    # The error of white noise against its shifted self has twice its energy.
    assert sdr(target, target.roll(1, dims=-1)).item() == pytest.approx(-10 * math.log10(2), abs=0.1)


def test_a_swapped_estimate_scores_below_zero(target: torch.Tensor, others: torch.Tensor) -> None:
    assert sdr(target, others).item() == pytest.approx(-10 * math.log10(2), abs=0.1)
    assert si_sdr(target, others) < -30


@pytest.mark.slow
@pytest.mark.parametrize("gain_db", [-120, -60, 20])
def test_a_common_gain_changes_nothing(gain_db: int, target: torch.Tensor, others: torch.Tensor) -> None:
    target[:, :RATE] = 0
    gain = 10 ** (gain_db / 20)

    def scores(gain: float) -> list[float]:
        sounds = [gain * s for s in (target, target + 0.1 * others + 0.01 * noise(2, 4 * RATE, seed=2))]
        mixture = gain * (target + others)
        bss = bss_eval(*sounds, mixture, RATE)
        below_db = silence_leak(*sounds, RATE, mixture).below_mixture_db
        per_second = [framewise_sdr(*sounds, RATE), clean(*sounds, mixture, RATE), bss.sir, bss.sar, bss.isr]
        return [float(sdr(*sounds)), float(si_sdr(*sounds)), below_db or 0.0, *torch.cat(per_second).tolist()]

    assert scores(gain) == pytest.approx(scores(1), abs=0.01, nan_ok=True)


def test_batches_are_scored_one_by_one(target: torch.Tensor, others: torch.Tensor) -> None:
    batch = torch.stack([target, others])
    assert sdr(batch, batch.flip(0)).tolist() == [sdr(target, others).item(), sdr(others, target).item()]


def test_long_waveforms_are_summed_in_blocks_without_a_seam() -> None:
    reference, estimate = noise(1, 300_001), noise(1, 300_001, seed=1)
    error = (reference.double() - estimate.double()).square().sum()
    expected = 10 * torch.log10(reference.double().square().sum() / error)
    assert sdr(reference, estimate).item() == pytest.approx(expected.item(), abs=1e-9)
    assert framewise_sdr(reference, estimate, 300_001).item() == pytest.approx(expected.item(), abs=1e-9)


def test_si_sdr_is_that_of_torchmetrics(target: torch.Tensor, others: torch.Tensor) -> None:
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    estimate = 0.7 * target + 0.3 * others
    theirs = scale_invariant_signal_distortion_ratio(estimate.flatten().double(), target.flatten().double())
    assert si_sdr(target, estimate).item() == pytest.approx(theirs.item(), abs=1e-6)


@pytest.mark.slow
def test_framewise_sdr_is_that_of_museval(target: torch.Tensor, others: torch.Tensor) -> None:
    loudness = torch.linspace(0.1, 2, target.shape[-1])
    estimate = target + loudness * others
    theirs = bss_eval(target, estimate, target + others, RATE, dither_db=None)
    assert framewise_sdr(target, estimate, RATE).tolist() == pytest.approx(theirs.sdr.tolist(), abs=1e-9)


@pytest.mark.slow
def test_sir_of_a_plain_leak_is_its_level(target: torch.Tensor, others: torch.Tensor) -> None:
    scores = bss_eval(target, target + 0.1 * others, target + others, RATE)
    assert scores.sir.tolist() == pytest.approx([20] * 4, abs=0.5)
    assert (scores.sar > 50).all()


@pytest.mark.slow
def test_sir_survives_references_with_an_empty_band() -> None:
    """The upper half is silent, as in a song decoded from MP3: there museval alone is off by 20 dB."""
    sources = torch.fft.rfft(noise(3, 2, 4 * RATE), dim=-1)
    sources[..., sources.shape[-1] // 2 :] = 0
    target, others, artifacts = torch.fft.irfft(sources, dim=-1)
    estimate = target + 0.1 * others + 0.1 * artifacts
    alone, dithered = (bss_eval(target, estimate, target + others, RATE, dither_db=level) for level in (None, -70))
    assert alone.sir.median() < 0
    assert dithered.sir.median() == pytest.approx(20, abs=2.5)
    assert dithered.sdr.tolist() == pytest.approx(alone.sdr.tolist(), abs=0.01)


def test_bss_eval_of_silence_is_unknown(target: torch.Tensor) -> None:
    silent = torch.zeros_like(target)
    for sources in ((silent, target, target), (target, silent, target + noise(2, 4 * RATE)), (target, target, target)):
        assert bss_eval(*sources, RATE).sir.isnan().all()


def test_a_silent_reference_is_unknown_and_counted(target: torch.Tensor) -> None:
    assert sdr(torch.zeros_like(target), target).isnan()
    assert si_sdr(torch.zeros_like(target), torch.zeros_like(target)).isnan()
    half = target.clone()
    half[:, : 2 * RATE] = 1e-5 * half[:, : 2 * RATE]
    result = summarise(framewise_sdr(half, half + 0.01 * target, RATE))
    assert (result.n_counted, result.n_silent) == (2, 2)
    assert result.median == pytest.approx(40, abs=1e-3)
    assert summarise(torch.full((3,), math.nan)).mean is None


def test_museval_rule_for_silence_is_available(target: torch.Tensor) -> None:
    target[:, 2 * RATE :] *= 1e-5
    target[:, :RATE] = 0
    seconds = [framewise_sdr(target, 0 * target, RATE, silence_db=level).isnan().tolist() for level in (-45, -math.inf)]
    assert seconds == [[True, False, True, True], [True, False, False, False]]


@pytest.mark.parametrize("n_samples", [1, 5, RATE - 1, RATE, RATE + 1])
def test_any_length_is_scored(n_samples: int) -> None:
    target, others = noise(1, n_samples), noise(1, n_samples, seed=1)
    assert len(framewise_sdr(target, others, RATE)) == 1
    assert framewise_sdr(target, 0.9 * target, RATE).item() == pytest.approx(20, abs=1e-4)
    assert len(clean(target, target, target + others, RATE)) == 1
    assert silence_leak(0 * target, others, RATE).level_dbfs is not None


def test_silence_is_the_level_left_where_the_reference_rests(target: torch.Tensor, others: torch.Tensor) -> None:
    resting = target.clone()
    resting[:, : 2 * RATE] = 0
    leak = silence_leak(resting, resting + 0.01 * others, RATE, resting + others)
    assert leak.level_dbfs == pytest.approx(-60, abs=0.2)
    assert leak.below_mixture_db == pytest.approx(40, abs=1e-3)
    assert leak.seconds == pytest.approx(2)


def test_silence_has_nothing_to_say_where_nothing_rests(target: torch.Tensor) -> None:
    leak = silence_leak(target, target, RATE, target)
    assert (leak.level_dbfs, leak.below_mixture_db, leak.seconds) == (None, None, 0)


def test_silence_of_a_muted_estimate_is_the_lowest(target: torch.Tensor) -> None:
    leak = silence_leak(0 * target, 0 * target, RATE, target)
    assert leak.level_dbfs == -100


def test_clean_measures_a_leak_and_not_level_or_artifacts(target: torch.Tensor, others: torch.Tensor) -> None:
    mixture = target + others
    assert clean(target, target + 0.1 * others, mixture, RATE).tolist() == pytest.approx([20] * 4, abs=0.3)
    assert (clean(target, 0.3 * target, mixture, RATE) > 80).all()
    assert (clean(target, target + 0.1 * noise(2, 4 * RATE, seed=5), mixture, RATE) > 30).all()
    assert clean(target, mixture, mixture, RATE).tolist() == pytest.approx([0] * 4, abs=0.5)


def test_clean_hears_a_leak_in_one_band(target: torch.Tensor, others: torch.Tensor) -> None:
    spectrum = torch.fft.rfft(others)
    spectrum[:, spectrum.shape[-1] // 4 :] = 0
    leak = torch.fft.irfft(spectrum, n=others.shape[-1])  # a quarter of the energy
    assert clean(target, target + 0.2 * leak, target + others, RATE).tolist() == pytest.approx([20] * 4, abs=0.5)


@pytest.mark.slow
def test_clean_agrees_with_sir(target: torch.Tensor, others: torch.Tensor) -> None:
    estimate = target + 0.2 * others.roll(3, dims=-1)  # a short filter of the others
    ours = clean(target, estimate, target + others, RATE)
    assert ours.median() == pytest.approx(bss_eval(target, estimate, target + others, RATE).sir.median(), abs=1)


def test_clean_counts_only_seconds_in_which_both_play(target: torch.Tensor, others: torch.Tensor) -> None:
    target[:, :RATE] = 0
    others[:, RATE : 2 * RATE] = 0
    assert clean(target, target + 0.1 * others, target + others, RATE).isnan().tolist() == [True, True, False, False]


@pytest.mark.parametrize("shape", [(2, 10), (1, 11), (10,), (2, 0)])
def test_shapes_that_differ_are_refused_with_both(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"\(1, 10\) and"):
        sdr(torch.ones(1, 10), torch.ones(shape))


@pytest.mark.parametrize(
    ("value", "name"),
    [(-0.1, "failed"), (0, "poor"), (2.9, "poor"), (3, "fair"), (5, "good"), (7, "excellent"), (None, "not scored")],
)
def test_grades_follow_the_scale(value: float | None, name: str) -> None:
    assert grade(value).name == name


def test_a_silent_estimate_is_graded_silent_and_not_poor() -> None:
    assert grade(0.0, is_silent=True).name == "silent estimate"
    assert grade(None, is_silent=True).name == "not scored"


def test_listening_grades_go_from_best_to_worst() -> None:
    assert [grade_silence(level).name for level in (-70, -55, -45, -35, -20)] == [
        "silent",
        "nearly silent",
        "audible",
        "noticeable",
        "loud",
    ]
    assert [grade_clean(value).name for value in (25, 16, 11, 6, 0)] == [
        "clean",
        "nearly clean",
        "some leakage",
        "leaky",
        "mixed",
    ]
