"""The comparison command: a verdict, and everything in a real MLflow store where `mlflow ui` finds it."""

import errno
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from torch import Tensor

from separator.audio import write
from sori.compare_mlflow import main
from training.tracking.mlflow_client import DEFAULT_URI, REQUEST_SECONDS, RETRY_SECONDS, open_client

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own dependencies warn of one another

RATE = 8000
SECONDS = 12


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with the default store of `mlflow ui`: making its tables takes seconds."""
    folder = tmp_path_factory.mktemp("workplace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        open_client(DEFAULT_URI).search_experiments()
        yield folder


@pytest.fixture
def files(workplace: Path, noise: Callable[..., Tensor]) -> dict[str, str]:
    """Reference with its song around it, and two estimates, the first better by 6 dB."""
    target, others = noise(SECONDS * RATE), noise(SECONDS * RATE, seed=1)
    song = workplace / "TEST SONG"
    song.mkdir(exist_ok=True)
    write(song / "vocals.wav", target, RATE)
    write(song / "mixture.wav", target + others, RATE)
    write(workplace / "A 데스크톱.wav", target + 0.1 * others, RATE)
    write(workplace / "B.wav", target + 0.2 * others, RATE)
    return {"ref": str(song / "vocals.wav"), "a": "A 데스크톱.wav", "b": "B.wav"}


def runs(experiment: str) -> tuple[list[Run], list[Run], MlflowClient]:
    """Parents and children of an experiment."""
    client = open_client(DEFAULT_URI)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return [run for run in found if run not in children], children, client


@pytest.mark.slow
def test_a_comparison_is_kept_whole(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--ref", files["ref"], "--a", files["a"], "--b", files["b"], "--names", "desktop", "laptop"]
    assert main([*command, "--bss"]) == 0
    printed = capsys.readouterr().out
    assert "desktop is better than laptop by 6.0 dB [6." in printed
    assert "mlflow ui" in printed
    (parent,), children, client = runs("Model_Comparison")
    assert parent.data.tags["winner"] == "desktop"
    assert parent.data.params["reference.sample_rate"] == "8000"
    assert len(parent.data.params["reference.sha256"]) == 64
    assert "version.torch" in parent.data.params
    artifacts = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert artifacts == {"comparison_result.png", "comparison.json", "previews"}
    previews = [file.path for file in client.list_artifacts(parent.info.run_id, "previews")]
    assert previews == ["previews/desktop.wav", "previews/laptop.wav", "previews/reference.wav"]
    best = next(run for run in children if run.info.run_name == "desktop")
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert best.data.metrics["sdr_db"] == pytest.approx(20, abs=0.1)
    assert best.data.metrics["sir_db"] == pytest.approx(20, abs=0.5)
    assert best.data.metrics["clean_db"] == pytest.approx(20, abs=0.3)
    history = client.get_metric_history(best.info.run_id, "sdr_per_second_db")
    assert [metric.step for metric in history] == list(range(SECONDS))
    report = json.loads(Path(client.download_artifacts(parent.info.run_id, "comparison.json")).read_text())
    assert report["mixture"] == "mixture = mixture.wav"
    assert report["ahead_db"]["laptop"]["value"] == pytest.approx(6.02, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("quoted", ["both", "inner", "all"])
def test_options_quoted_together_are_understood(files: dict[str, str], quoted: str, capsys) -> None:
    a, b = files["a"], files["b"]
    written = {
        "both": ["--ref", files["ref"], "--a", f"{a} --b {b}"],
        "inner": ["--ref", files["ref"], f"--a {a} --b {b}"],
        "all": [f"--ref {files['ref']} --a {a} --b {b}"],
    }
    assert main([*written[quoted], "--experiment", f"Quoted {quoted}"]) == 0
    assert "quote each file on its own" in capsys.readouterr().err
    assert len(runs(f"Quoted {quoted}")[1]) == 2


@pytest.mark.slow
def test_three_estimates_and_equals_have_no_winner(files: dict[str, str], capsys) -> None:
    command = ["--ref", files["ref"], "--a", files["a"], "--b", files["a"], files["b"], "--names", "x", "y", "z"]
    assert main([*command, "--experiment", "Three"]) == 0
    assert "no sure winner between x and y: 0.0 dB" in capsys.readouterr().out
    (parent,), children, _ = runs("Three")
    assert parent.data.tags["winner"] == "none"
    assert len(children) == 3


@pytest.mark.slow
def test_a_run_that_could_not_be_written_is_marked_as_failed(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", full)
        command = ["--ref", files["ref"], "--a", files["a"], "--b", files["b"], "--experiment", "Full"]
        assert main(command) == 2
    error = capsys.readouterr().err
    assert "No space left" in error
    parents, children, _ = runs("Full")
    assert ([run.info.status for run in parents], children) == (["FAILED"], [])
    kept = error.split("--log_kept ")[1].strip()
    assert main(["--log_kept", kept, "--experiment", "Later"]) == 0
    (parent,), children, client = runs("Later")
    assert parent.data.tags["winner"] == "A 데스크톱"
    assert len(client.list_artifacts(parent.info.run_id)) == 3
    best = next(run for run in children if run.info.run_name == "A 데스크톱")
    assert best.data.metrics["sdr_db"] == pytest.approx(20, abs=0.1)
    assert len(client.get_metric_history(best.info.run_id, "sdr_per_second_db")) == SECONDS


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_left_soon(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert REQUEST_SECONDS + RETRY_SECONDS["http"] <= 20
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setitem(RETRY_SECONDS, "http", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        assert main(["--ref", files["ref"], "--a", files["a"], "--b", files["b"], "--tracking_uri", uri]) == 2
        assert time.monotonic() - begun < 20
    error = capsys.readouterr().err
    assert "cannot be written to" in error and "--log_kept comparison-" in error


def test_a_kept_file_that_is_none_is_refused(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "notes.zip").write_text("hello")
    for name in ("notes.zip", "absent.zip"):
        assert main(["--log_kept", name]) == 2
        assert f"{name} is no comparison" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--ref", "vocals.wav"])


@pytest.mark.slow
def test_a_silent_reference_is_told_without_empty_words(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], noise: Callable[..., Tensor]
) -> None:
    write("silence.wav", 0 * noise(2 * RATE), RATE)
    assert main(["--ref", "silence.wav", "--a", files["a"], "--b", files["b"], "--experiment", "Silent"]) == 0
    printed = capsys.readouterr().out
    assert "the reference is silent" in printed
    assert "worst at" not in printed


@pytest.mark.slow
def test_two_comparisons_at_once(files: dict[str, str]) -> None:
    command = ["--ref", files["ref"], "--a", files["a"], "--b", files["b"], "--experiment", "At once"]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(main, [command, command])) == [0, 0]
    parents, children, _ = runs("At once")
    assert (len(parents), len(children)) == (2, 4)


@pytest.mark.slow
def test_estimates_lying_beside_the_reference_are_no_mixture(
    workplace: Path, noise: Callable[..., Tensor], capsys
) -> None:
    folder = workplace / "loose"
    folder.mkdir(exist_ok=True)
    for name in ("vocals", "mine", "yours"):
        write(folder / f"{name}.wav", noise(2 * RATE, seed=len(name)), RATE)
    command = ["--ref", "loose/vocals.wav", "--a", "loose/mine.wav", "--b", "loose/yours.wav"]
    assert main([*command, "--experiment", "Loose"]) == 0
    assert "no Clean" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ref": "nothing.wav"}, "nothing.wav"),
        ({"a": "TEST SONG"}, "TEST SONG"),
        ({"names": "one"}, "as many different names"),
        ({"names": "same same"}, "as many different names"),
        ({"tracking_uri": "http://127.0.0.1:9"}, "cannot be written to"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(
    files: dict[str, str], changes: dict[str, str], message: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("training.tracking.mlflow_client.time.sleep", lambda seconds: None)
    options = files | changes
    names = options.pop("names", "")
    command = [part for key, value in options.items() for part in (f"--{key}", value)]
    assert main(command + (["--names", *names.split()] if names else [])) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "flags", [["--experiment", ""], ["--experiment", " "], ["--tracking_uri", ""], ["--names", "", "b"]]
)
def test_an_empty_name_is_refused_before_anything_is_scored(
    files: dict[str, str], flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--ref", files["ref"], "--a", files["a"], "--b", files["b"], *flags]) == 2
    printed = capsys.readouterr()
    assert "is empty" in printed.err
    assert printed.out == ""
