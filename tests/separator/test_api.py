"""Separator: stems of the song's own shape that add up to it, the same from memory and from disk, all or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from separator.api import Separator
from separator.audio import probe, read, write
from separator.device import resolve_device
from separator.errors import AudioError, Cancelled, ConfigError, SeparatorError
from separator.inference.overlap_add import Segmentation
from separator.model import CRNN, CompactConfig, ModelConfig
from separator.spectral import StftConfig

SHORT = Segmentation(hop=64, context=16, lookahead=16, fade=8)
pytestmark = pytest.mark.usefixtures("torch_only")


class Everything(nn.Module):
    """A model that takes all of the song for its target."""

    def __init__(self, target: str = "vocals") -> None:
        super().__init__()
        self.config = CompactConfig(targets=(target,))

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        return torch.ones_like(magnitude)[:, None], ()


@pytest.fixture
def separator(tiny_model: CRNN) -> Separator:
    return Separator([tiny_model], "cpu", segmentation=SHORT)


@pytest.fixture
def song(tmp_path: Path, noise: Callable[..., Tensor]) -> Path:
    path = tmp_path / "내 노래.wav"
    write(path, noise(5 * 44100 + 123), 44100)
    return path


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 192000])
@pytest.mark.parametrize("seconds", [0.0, 0.02, 3.3])
def test_stems_have_the_songs_shape_and_add_up(
    separator: Separator, noise: Callable[..., Tensor], rate: int, channels: int, seconds: float
) -> None:
    mixture = noise(round(seconds * rate) + 1, channels)
    stems = separator.separate(mixture, rate)
    assert set(stems) == {"vocals", "accompaniment"}
    assert all(stem.shape == mixture.shape for stem in stems.values())
    assert (sum(stems.values()) - mixture).abs().max() < 1e-6
    assert stems["vocals"].abs().max() > 0


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_doing_nothing_gives_the_song_back_at_every_rate(noise: Callable[..., Tensor], rate: int) -> None:
    mixture = noise(4 * rate + 11)
    stems = Separator([Everything()], "cpu", segmentation=SHORT).separate(mixture, rate)
    assert (stems["vocals"] - mixture).abs().max() < 1e-6
    assert stems["accompaniment"].abs().max() < 1e-6


def test_silence_stays_silence(separator: Separator) -> None:
    stems = separator.separate(torch.zeros(2, 44100), 44100)
    assert all(stem.abs().max() == 0 for stem in stems.values())


def test_two_runs_are_identical_and_the_song_is_not_changed(separator: Separator, noise: Callable[..., Tensor]) -> None:
    mixture = noise(3 * 44100)
    first, second = separator.separate(mixture, 44100), separator.separate(mixture, 44100)
    assert torch.equal(first["vocals"], second["vocals"])
    assert torch.equal(mixture, noise(3 * 44100))


def test_from_disk_and_from_memory_are_the_same_samples(separator: Separator, song: Path, tmp_path: Path) -> None:
    paths = separator.separate_file(song, tmp_path / "stems")
    in_memory = separator.separate(*read(song))
    assert set(paths) == set(in_memory)
    for stem, path in paths.items():
        assert path == tmp_path / "stems" / f"내 노래_{stem}.wav"
        assert torch.equal(read(path)[0], in_memory[stem])


def test_no_seam_can_be_found(noise: Callable[..., Tensor], tiny_model: CRNN) -> None:
    """Whatever the segment grid, the stem is the same to -30 dB, given context."""
    rate, segmentation = 22050, Segmentation(hop=128, context=32, lookahead=32)
    mixture = noise(12 * rate, 1)
    shift = segmentation.hop // 2 * 256
    separator = Separator([tiny_model], "cpu", segmentation=segmentation)
    stem = separator.separate(mixture, rate)["vocals"][:, shift:]
    shifted = separator.separate(mixture[:, shift:], rate)["vocals"]
    edge = segmentation.context * 256  # where the shifted song has no past
    difference = (stem - shifted)[:, edge:].square().sum() / stem[:, edge:].square().sum()
    assert 10 * torch.log10(difference) < -30


def test_several_targets_share_the_song(tiny_config: ModelConfig, noise: Callable[..., Tensor]) -> None:
    separator = Separator([Everything("drums"), Everything("bass")], "cpu", segmentation=SHORT)
    mixture = noise(44100)
    stems = separator.separate(mixture, 44100)
    assert separator.stems == tuple(stems) == ("drums", "bass", "rest")
    assert (stems["drums"] - mixture / 2).abs().max() < 1e-6
    assert stems["rest"].abs().max() < 1e-6


class Shares(nn.Module):
    """A model of three targets that takes a share of the song for each."""

    def __init__(self) -> None:
        super().__init__()
        self.config = CompactConfig(targets=("drums", "bass", "vocals"))

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        return torch.tensor([0.4, 0.3, 0.2])[:, None, None] * torch.ones_like(magnitude)[:, None], ()


@pytest.mark.parametrize("tta", [False, True])
def test_a_model_of_several_targets_gives_them_all(noise: Callable[..., Tensor], tta: bool) -> None:
    mixture = noise(5 * 44100)
    separator = Separator([Shares()], "cpu", segmentation=SHORT, tta=tta)  # type: ignore[list-item]
    stems = separator.separate(mixture, 44100)
    assert separator.stems == tuple(stems) == ("drums", "bass", "vocals", "other")
    for stem, share in zip(stems.values(), (0.4, 0.3, 0.2, 0.1), strict=True):
        assert (stem - share * mixture).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("targets", "left_over"),
    [
        (("vocals",), "accompaniment"),
        (("vocals", "drums"), "rest"),
        (("bass", "vocals", "drums"), "other"),
        (("vocals", "drums", "bass", "other"), "rest"),
    ],
)
def test_the_last_stem_is_named_after_what_is_left(targets: tuple[str, ...], left_over: str) -> None:
    assert Separator([Everything(target) for target in targets], "cpu").stems == (*targets, left_over)


def test_a_full_device_is_told(noise: Callable[..., Tensor]) -> None:
    class Full(Everything):
        def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(SeparatorError, match="use the CPU"):
        Separator([Full()], "cpu").separate(noise(1000), 44100)


def test_a_target_of_two_models_is_refused() -> None:
    with pytest.raises(ConfigError, match="one model per target"):
        Separator([Shares(), Everything("bass")], "cpu")  # type: ignore[list-item]


class Below(nn.Module):
    """A model that takes all that lies below a frequency, heard through an STFT of its own."""

    def __init__(self, target: str, below_hz: float, stft_config: StftConfig) -> None:
        super().__init__()
        self.config = CompactConfig(targets=(target,), stft=stft_config)
        self.below_hz = below_hz

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        hz = torch.linspace(0, self.config.stft.sample_rate / 2, magnitude.shape[1])
        return (hz < self.below_hz).float()[:, None].expand_as(magnitude)[:, None], ()


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("length", [3000, 5 * 44100 + 7])
def test_models_that_hear_through_different_stfts_go_together(
    tone: Callable[..., Tensor], rate: int, length: int
) -> None:
    """Each takes its own tone out of the song, although only one of them hears on the grid it is cut on."""
    low, high, treble = (tone(length, hz, rate) for hz in (100.0, 1000.0, 6000.0))
    fine = Below("bass", 400.0, StftConfig(n_fft=2048, hop_length=512))
    said = []
    for models in ([fine, Below("vocals", 3000.0, StftConfig())], [Below("vocals", 3000.0, StftConfig()), fine]):
        stems = Separator(models, "cpu", segmentation=SHORT).separate(low + high + treble, rate)
        assert (sum(stems.values()) - (low + high + treble)).abs().max() < 1e-6
        inside = slice(1500, -1500) if length < 5000 else slice(4096, -4096)
        # Both claim what lies below 400 Hz, so they share it.
        assert torch.allclose(stems["bass"][:, inside], low[:, inside] / 2, atol=0.03)
        assert torch.allclose(stems["vocals"][:, inside], (low / 2 + high)[:, inside], atol=0.03)
        assert torch.allclose(stems["rest"][:, inside], treble[:, inside], atol=0.03)
        said.append(stems)
    assert all(torch.allclose(stem, said[1][name], atol=1e-6) for name, stem in said[0].items())


class LouderLeft(nn.Module):
    """Hears two channels: its target is where left is louder than right."""

    def __init__(self) -> None:
        super().__init__()
        self.config = CompactConfig(input_channels=2)

    def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
        return (magnitude[:, :1] > 2 * magnitude[:, 1:]).float(), ()


def test_a_model_for_stereo_tells_left_from_right(tone: Callable[..., Tensor]) -> None:
    left = tone(66150, 500.0, channels=2) * torch.tensor([[1.0], [0.1]])
    right = tone(66150, 3000.0, channels=2) * torch.tensor([[0.1], [1.0]])
    middle = 2 * tone(66150, 1500.0, channels=1).repeat(2, 1)
    stems = Separator([LouderLeft()], "cpu", segmentation=SHORT).separate(left + middle + right, 44100)  # type: ignore[list-item]
    inner = slice(4410, -4410)
    assert (stems["vocals"] - left)[:, inner].abs().max() < 0.02
    assert (stems["accompaniment"] - middle - right)[:, inner].abs().max() < 0.02


def test_strict_band_keeps_treble_out_of_the_target(tone: Callable[..., Tensor]) -> None:
    treble = tone(44100, 15000.0)
    assert Separator([Everything()], "cpu").separate(treble, 44100)["accompaniment"].abs().max() < 1e-6
    strict = Separator([Everything()], "cpu", strict_band=True).separate(treble, 44100)
    assert strict["vocals"][:, 3000:-3000].abs().max() < 1e-3


def test_depth_follows_the_song_and_only_asked_stems_are_written(
    separator: Separator, tmp_path: Path, noise: Callable[..., Tensor]
) -> None:
    write(tmp_path / "song.wav", noise(20000), 44100, bits=24)
    paths = separator.separate_file(tmp_path / "song.wav", tmp_path / "out", stems=["accompaniment"])
    assert list((tmp_path / "out").iterdir()) == [paths["accompaniment"]]
    assert probe(paths["accompaniment"]).subtype == "PCM_24"
    paths = separator.separate_file(tmp_path / "song.wav", tmp_path / "out", suffix=".flac", bits=16)
    assert {probe(path).subtype for path in paths.values()} == {"PCM_16"}


def test_a_stem_above_full_scale_is_float_or_told(tmp_path: Path, tone: Callable[..., Tensor]) -> None:
    write(tmp_path / "loud.wav", 3 * tone(20000), 44100)
    separator = Separator([Everything()], "cpu", segmentation=SHORT)
    written = separator.separate_to(tmp_path / "loud.wav", {"vocals": tmp_path / "v.wav"})
    assert (written["vocals"].subtype, written["vocals"].clips) == ("FLOAT", False)
    assert written["vocals"].peak == pytest.approx(1.5, rel=1e-3)
    with pytest.warns(UserWarning, match=r"3\.5 dB above full scale"):
        separator.separate_to(tmp_path / "loud.wav", {"vocals": tmp_path / "v.flac"})


def test_progress_goes_from_start_to_end(separator: Separator, song: Path, tmp_path: Path) -> None:
    heard: list[float] = []
    separator.separate_file(song, tmp_path, progress=lambda fraction, stage: heard.append(fraction))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) > 2


def test_cancelling_leaves_nothing_behind(separator: Separator, song: Path, tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        separator.separate_file(song, tmp_path / "out", cancel=lambda: next(answers))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failing_model_leaves_nothing_behind(song: Path, tmp_path: Path) -> None:
    class Broken(Everything):
        def forward(self, magnitude: Tensor, *_: object) -> tuple[Tensor, tuple]:
            raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        Separator([Broken()], "cpu").separate_file(song, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_unusable_songs_are_refused(separator: Separator) -> None:
    broken = torch.zeros(2, 44100)
    broken[0, 22050] = float("nan")
    for waveform, sentence in {
        torch.zeros(44100): "float tensor",
        torch.zeros(2, 10, dtype=torch.int16): "float tensor",
        torch.zeros(2, 0): "holds no audio",
        broken: r"not a number \(NaN or infinite\) at 0\.500 s",
    }.items():
        with pytest.raises(AudioError, match=sentence):
            separator.separate(waveform, 44100)
    with pytest.raises(AudioError, match="sample_rate is 0"):
        separator.separate(torch.zeros(2, 10), 0)


def test_outputs_that_would_destroy_something_are_refused(separator: Separator, song: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is the song itself"):
        separator.separate_to(song, {"vocals": tmp_path / "." / song.name})
    with pytest.raises(AudioError, match="same file"):
        separator.separate_to(song, {"vocals": tmp_path / "a.wav", "accompaniment": tmp_path / "a.wav"})
    with pytest.raises(ConfigError, match="Cannot make drums; this makes vocals, accompaniment"):
        separator.separate_to(song, {"drums": tmp_path / "a.wav"})
    with pytest.raises(AudioError, match="does not exist"):
        separator.separate_file(song, tmp_path / "no" / "where")


def test_models_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="one model per target"):
        Separator([Everything(), Everything()], "cpu")
    with pytest.raises(ConfigError, match="call it something else"):
        Separator([Everything("rest")], "cpu")
    with pytest.raises(ConfigError, match="No model"):
        Separator([], "cpu")


def test_a_checkpoint_becomes_a_separator(tiny_checkpoint: Path, noise: Callable[..., Tensor]) -> None:
    separator = Separator.from_checkpoint(tiny_checkpoint, "cpu")
    assert separator.stems == ("vocals", "accompaniment")
    assert separator.separate(noise(1000), 44100)["vocals"].shape == (2, 1000)


def test_devices_that_are_not_there_are_refused() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cuda", "mps", "cpu")
    for name in ("toaster", "meta", "xpu", f"cuda:{torch.cuda.device_count()}"):
        with pytest.raises(ConfigError, match="device is"):
            resolve_device(name)
