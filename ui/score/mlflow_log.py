"""Writes what the Score tab found to MLflow, with the result of the blind test beside it."""

from collections.abc import Mapping

from separator.audio.reader import read
from training.evaluation.alignment import Sound, align
from training.evaluation.comparison import Comparison, Estimate, compare_files
from training.tracking.comparison_tracker import log_comparison
from training.tracking.mlflow_client import open_client
from ui.score.compare import Answer, Question


def log_answer(answer: Answer, blind: Mapping[str, float] | None, tracking_uri: str) -> tuple[str, str]:
    """Log to experiment Model_Comparison; returns the name of the run and its address below MLflow's page.

    Raises AudioError for files that have gone, ConfigError for a store that cannot be written.
    """
    run_id = log_comparison(_comparison(answer), tracking_uri)
    client = open_client(tracking_uri)
    for name, value in (blind or {}).items():
        client.log_metric(run_id, f"abx_{name}", value)
    info = client.get_run(run_id).info
    return info.run_name, f"#/experiments/{info.experiment_id}/runs/{run_id}"


def _comparison(answer: Answer) -> Comparison:
    question = answer.question
    names = [f"{key.upper()} {path.stem}" for key, path in question.estimates.items()]
    if len(names) == 1:
        return _single(names[0], answer)
    return compare_files(
        question.reference,
        list(question.estimates.values()),
        names,
        question.mixture,
        fix_offset=question.fix_offset,
        bss=question.bss and question.mixture is not None,
    )


def _single(name: str, answer: Answer) -> Comparison:
    """One estimate, with the score that it has already."""
    question: Question = answer.question
    ((key, path),) = question.estimates.items()
    reference, estimate = (Sound(*read(file)) for file in (question.reference, path))
    aligned = align(reference, estimate, fix_offset=question.fix_offset)
    estimates = (Estimate(name, path, aligned.estimate, answer.scores[key]),)
    made_of = question.mixture.name if question.mixture else None
    return Comparison(question.reference, aligned.reference, aligned.sample_rate, made_of, estimates)
