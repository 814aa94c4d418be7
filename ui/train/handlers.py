"""Answers to the Train tab's events. What is shown comes from run folders and checks, through ``draw`` alone."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from separator.errors import SeparatorError
from training.config import split_names
from training.runs.folder import RunFolder
from ui.components import html
from ui.i18n import say
from ui.model_registry import ModelShelf
from ui.settings import PageSettings
from ui.train.data_check import Checkup, Checkups
from ui.train.data_check_view import draw_check
from ui.train.form import command_line, practice_values, settings_from
from ui.train.mlflow_link import is_tracked, mlflow_address
from ui.train.run_manager import Trainings
from ui.train.run_view import RunViews

DRAWN = ("runs", "live", "learn", "report", "start", "stop", "resume", "done", "mlflow", "seen")
"""What ``draw`` gives, in order."""
RESUMABLE = ("stopped", "failed", "interrupted", "finished")


class Handlers:
    """Each method names its inputs and outputs; `form` stands for the form's widgets in the order of `names`."""

    def __init__(
        self, settings: PageSettings, shelf: ModelShelf, trainings: Trainings, checkups: Checkups, names: Sequence[str]
    ) -> None:
        self.settings, self.shelf, self.trainings, self.checkups = settings, shelf, trainings, checkups
        self.names = list(names)
        self.views = RunViews(trainings)

    def draw(
        self, chosen: str | None, data: str, target: str, seen: dict[str, int], request: gr.Request
    ) -> tuple[Any, ...]:
        """In: runs, data, target, seen. Out: ``DRAWN``, each skipped unless it differs from what was drawn last."""
        runs = self.trainings.runs()
        run = next((run for run in runs if run.name == chosen), runs[0] if runs else None)
        state = self.views.glance(run).state if run else "empty"
        live, learn = self.views.look(run) if run else (None, None)
        choices = [(self.views.glance(other).label(other.name, request), other.name) for other in runs]
        check, problem = self._check_of(data, target)
        free = not self.trainings.busy
        plain: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "runs": ((choices, run.name if run and run.name != chosen else None), _runs),
            "live": (live, _same),
            "learn": (learn, _same),
            "report": (draw_check(check, problem, request), _same),
            "start": (bool(check and check.can_start and free), _button),
            "stop": (bool(run and state == "running" and not run.stop_requested()), _button),
            "resume": (bool(run and state in RESUMABLE and run.last.is_file() and free), _button),
            "done": (bool(run and state != "running" and run.best_model.is_file()), _row),
            "mlflow": (bool(run and is_tracked(run)), _row),
        }
        drawn, prints = [], {}
        for name, (value, show) in plain.items():
            prints[name] = hash(json.dumps(value, ensure_ascii=False))
            drawn.append(gr.skip() if prints[name] == seen.get(name) else show(value))
        return (*drawn, gr.skip() if prints == seen else prints)

    def restore(self, remembered: str | None) -> Any:
        """In: what the browser remembers. Out: data."""
        return remembered or ""

    def practice(self) -> tuple[Any, ...]:
        """Out: data, form. Chooses the practice songs, and settings that show something within minutes."""
        values = practice_values()
        return str(self.settings.practice), *(values.get(name, gr.skip()) for name in self.names)

    def check(self, data: str, *form: Any) -> str | Any:
        """In: data, form. Out: remembered. Begins to look at data that have not been looked at."""
        try:
            return self._check(data, form, again=False)
        except SeparatorError:
            return gr.skip()  # nobody has asked; it is said when the button is pressed

    def check_again(self, data: str, *form: Any) -> str:
        """In: data, form. Out: remembered. Looks at the data in any case, or says why they cannot be trained on."""
        try:
            return self._check(data, form, again=True)
        except SeparatorError as error:
            raise html.toast(str(error)) from error

    def _check(self, data: str, form: Sequence[Any], *, again: bool) -> str:
        config = self.trainings.config(settings_from(self.names, form), data)
        self.checkups.begin(
            config, practice=self.trainings.is_practice(data), probe=not self.trainings.busy, again=again
        )
        return data

    def start(self, request: gr.Request, data: str, start_from: str, track: bool, *form: Any) -> Any:
        """In: data, start from, track, form. Out: runs, with the new one chosen."""
        try:
            config = self.trainings.config(settings_from(self.names, form), data)
            weights = self.shelf.paths([start_from])[0] if start_from else None
            self.checkups.hush()
            return self._chosen(self.trainings.start(config, weights, track=track, request=request))
        except SeparatorError as error:
            raise html.toast(str(error)) from error

    def stop(self, chosen: str, request: gr.Request) -> None:
        """In: runs. Asks the chosen run to stop."""
        try:
            self.trainings.stop(chosen, request)
        except SeparatorError as error:
            raise html.toast(str(error)) from error

    def resume(self, request: gr.Request, chosen: str, *form: Any) -> Any:
        """In: runs, form. Out: runs. Goes on with the chosen run."""
        try:
            self.checkups.hush()
            return self._chosen(self.trainings.resume(chosen, settings_from(self.names, form), request))
        except SeparatorError as error:
            raise html.toast(str(error)) from error

    def mlflow(self, chosen: str, request: gr.Request) -> str:
        """In: runs. Out: address, a card with a link to the run in MLflow."""
        try:
            address = mlflow_address(self.trainings.run(chosen), self.settings.mlflow_url)
        except SeparatorError as error:
            raise html.toast(str(error)) from error
        return html.note_with_link(say(request, "train.in_mlflow"), address)

    def command(self, data: str, start_from: str, track: bool, *form: Any) -> str:
        """In: data, start from, track, form. Out: command."""
        try:
            values = settings_from(self.names, form)
        except SeparatorError:
            return ""
        folders = [line.strip() for line in data.splitlines() if line.strip()]
        weights = f"checkpoints/{start_from}" if start_from else ""
        practice = self.trainings.is_practice(data)
        return command_line(values, folders, practice=practice, start_from=weights, track=track)

    def _check_of(self, data: str, target: str) -> tuple[Checkup | None, str]:
        """The check of these data, and what is wrong with their folder."""
        if not data.strip():
            return None, ""
        try:
            folders = self.trainings.folders(data)
        except SeparatorError as error:
            return None, str(error)
        return self.checkups.get((tuple(folders), split_names((target,)))), ""

    def _chosen(self, run: RunFolder) -> Any:
        names = [run.name, *(other.name for other in self.trainings.runs() if other.name != run.name)]
        return gr.Radio(choices=names, value=run.name)


def _same(value: Any) -> Any:
    return value


def _button(interactive: bool) -> Any:
    return gr.Button(interactive=interactive)


def _row(visible: bool) -> Any:
    return gr.Row(visible=visible)


def _runs(drawn: tuple[list[tuple[str, str]], str | None]) -> Any:
    choices, name = drawn
    return gr.Radio(choices=choices, value=name) if name else gr.Radio(choices=choices)
