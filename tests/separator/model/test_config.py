"""Model settings: frozen, derived where they can be, and refused with every reason at once."""

from dataclasses import FrozenInstanceError, replace

import pytest

from separator.errors import ConfigError
from separator.model import CompactConfig, DualPathConfig, ModelConfig
from separator.spectral import StftConfig


def test_the_default_stft():
    stft = StftConfig()
    assert (stft.sample_rate, stft.n_fft, stft.hop_length) == (22050, 1024, 256)
    assert stft.n_bins == 513
    assert stft.frames_per_second == pytest.approx(86.13, abs=0.01)


@pytest.mark.parametrize("config", [CompactConfig(), CompactConfig.textbook(("drums",)), DualPathConfig.four_stems()])
def test_a_config_survives_the_way_through_a_plain_dict(config: ModelConfig):
    values = config.to_dict()
    assert isinstance(values["channels"], list)  # what JSON and safe unpicklers give back
    assert ModelConfig.from_dict(values) == config


def test_a_config_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        CompactConfig().targets = ("drums",)  # type: ignore[misc]


def test_unknown_keys_are_refused_by_name():
    with pytest.raises(ConfigError, match="depth"):
        ModelConfig.from_dict({"depth": 3})
    with pytest.raises(ConfigError, match="window"):
        ModelConfig.from_dict({"stft": {"window": "hann"}})


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as refused:
        CompactConfig(targets=("lead vocals",), channels=(8, 16, 24), kernel_size=4, gru_layers=0, input_power=0.0)
    for name in ("targets", "time_strides", "kernel_size", "gru_layers", "input_power"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    "values", [{"sample_rate": 0}, {"n_fft": 15}, {"n_fft": 1023}, {"hop_length": 0}, {"hop_length": 513}]
)
def test_an_stft_that_cannot_be_inverted_is_refused(values: dict[str, int]):
    with pytest.raises(ConfigError, match=next(iter(values))):
        StftConfig(**values)


def test_older_checkpoints_name_the_dual_path_layout_unet() -> None:
    config = DualPathConfig()
    assert ModelConfig.from_dict(config.to_dict() | {"layout": "unet"}) == config


def test_older_checkpoints_have_the_fields_of_all_layouts() -> None:
    for config in (CompactConfig(gru_input=8), DualPathConfig(local_channels=8)):
        assert ModelConfig.from_dict({"gru_input": 9, "local_channels": 9} | config.to_dict()) == config
    assert ModelConfig.from_dict({"channels": [4, 4, 4, 4]}) == CompactConfig(channels=(4, 4, 4, 4))
    before = {key: value for key, value in DualPathConfig().to_dict().items() if key != "local_channels"}
    assert ModelConfig.from_dict(before) == DualPathConfig(local_channels=0)


def test_a_dual_paths_kernel_must_reach_over_its_strides():
    with pytest.raises(ConfigError, match="reach over every stride"):
        replace(DualPathConfig(), kernel_size=1)


def test_strides_must_divide_the_bins():
    with pytest.raises(ConfigError, match="frequency_strides"):
        CompactConfig(frequency_strides=(3, 2, 2, 2))


def test_the_factors_are_the_products_of_the_strides():
    config = CompactConfig(frequency_strides=(4, 2, 2, 1), time_strides=(1, 2, 1, 2))
    assert config.frequency_factor == 16
    assert config.time_factor == 4


def test_the_plain_preset_halves_frequency_four_times():
    plain = CompactConfig.textbook()
    assert plain.frequency_strides == (2, 2, 2, 2)
    assert plain.gru_layers == 3
    assert not plain.refine
