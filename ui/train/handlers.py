"""Handlers of the Train tab's events. Only ``draw`` changes what is shown of runs and checks."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from separator.errors import SeparatorError
from training.config import split_names
from training.runs.folder import RunFolder
from ui.components import html
from ui.i18n import translate
from ui.model_registry import ModelRegistry
from ui.settings import PageSettings
from ui.train.data_check import DataCheck, DataChecks
from ui.train.data_check_view import draw_check
from ui.train.form import build_training_command, parse_settings, read_practice_recipe
from ui.train.mlflow_link import find_mlflow_address, is_tracked
from ui.train.run_manager import RunManager
from ui.train.run_view import RunViewCache

OUTPUTS = ("runs", "live", "learn", "report", "start", "stop", "resume", "done", "mlflow", "seen")
"""Outputs of ``draw``, in order."""
RESUMABLE = ("stopped", "failed", "interrupted", "finished")


class TrainHandlers:
    """Each method names its inputs and outputs; `form` stands for the form's widgets in the order of `names`."""

    def __init__(
        self,
        settings: PageSettings,
        registry: ModelRegistry,
        manager: RunManager,
        checks: DataChecks,
        names: Sequence[str],
    ) -> None:
        self.settings, self.registry, self.manager, self.checks = settings, registry, manager, checks
        self.names = list(names)
        self.views = RunViewCache(manager)

    def draw(
        self, chosen: str | None, data: str, target: str, seen: dict[str, int], request: gr.Request
    ) -> tuple[Any, ...]:
        """In: runs, data, target, seen. Out: ``OUTPUTS``, each skipped unless it differs from what was drawn last."""
        runs = self.manager.list_runs()
        run = next((run for run in runs if run.name == chosen), runs[0] if runs else None)
        state = self.views.summarize(run).state if run else "empty"
        live, learn = self.views.read_details(run) if run else (None, None)
        choices = [(self.views.summarize(other).label(other.name, request), other.name) for other in runs]
        check, problem = self._find_check(data, target)
        free = not self.manager.is_busy
        plain: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "runs": ((choices, run.name if run and run.name != chosen else None), _set_runs),
            "live": (live, _keep_value),
            "learn": (learn, _keep_value),
            "report": (draw_check(check, problem, request), _keep_value),
            "start": (bool(check and check.can_start and free), _set_interactive),
            "stop": (bool(run and state == "running" and not run.stop_requested()), _set_interactive),
            "resume": (bool(run and state in RESUMABLE and run.last.is_file() and free), _set_interactive),
            "done": (bool(run and state != "running" and run.best_model.is_file()), _set_visible),
            "mlflow": (bool(run and is_tracked(run)), _set_visible),
        }
        drawn, prints = [], {}
        for name, (value, show) in plain.items():
            prints[name] = hash(json.dumps(value, ensure_ascii=False))
            drawn.append(gr.skip() if prints[name] == seen.get(name) else show(value))
        return (*drawn, gr.skip() if prints == seen else prints)

    def restore_folder(self, remembered: str | None) -> Any:
        """In: the stored folder. Out: data."""
        return remembered or ""

    def choose_practice(self) -> tuple[Any, ...]:
        """Out: data, form. Chooses the practice songs, and settings that show something within minutes."""
        values = read_practice_recipe()
        return str(self.settings.practice), *(values.get(name, gr.skip()) for name in self.names)

    def check(self, data: str, start_from: str, *form: Any) -> str | Any:
        """In: data, start from, form. Out: remembered. Checks data that have not been checked."""
        try:
            return self._start_check(data, start_from, form, again=False)
        except SeparatorError:
            return gr.skip()  # shown when the button is pressed

    def check_again(self, data: str, start_from: str, *form: Any) -> str:
        """In: data, start from, form. Out: remembered. Checks the data anew, or shows why it cannot."""
        try:
            return self._start_check(data, start_from, form, again=True)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error

    def _start_check(self, data: str, start_from: str, form: Sequence[Any], *, again: bool) -> str:
        config = self.manager.build_config(parse_settings(self.names, form), data)
        practice, probe = self.manager.is_practice(data), not self.manager.is_busy
        self.checks.start(config, self._find_weights(start_from), practice=practice, probe=probe, again=again)
        return data

    def start(self, request: gr.Request, data: str, start_from: str, track: bool, *form: Any) -> Any:
        """In: data, start from, track, form. Out: runs, with the new one chosen."""
        try:
            config = self.manager.build_config(parse_settings(self.names, form), data)
            weights = self._find_weights(start_from)
            self.checks.cancel_timing()
            return self._select_run(self.manager.start(config, weights, track=track, request=request))
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error

    def stop(self, chosen: str, request: gr.Request) -> None:
        """In: runs. Requests that the chosen run stop."""
        try:
            self.manager.stop(chosen, request)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error

    def resume(self, request: gr.Request, chosen: str, *form: Any) -> Any:
        """In: runs, form. Out: runs. Resumes the chosen run."""
        try:
            self.checks.cancel_timing()
            return self._select_run(self.manager.resume(chosen, parse_settings(self.names, form), request))
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error

    def show_mlflow_link(self, chosen: str, request: gr.Request) -> str:
        """In: runs. Out: address, a card with a link to the run in MLflow."""
        try:
            address = find_mlflow_address(self.manager.find_run(chosen), self.settings.mlflow_url)
        except SeparatorError as error:
            raise html.make_toast(str(error)) from error
        return html.render_linked_note(translate(request, "train.in_mlflow"), address)

    def show_command(self, data: str, start_from: str, track: bool, *form: Any) -> str:
        """In: data, start from, track, form. Out: command."""
        try:
            values = parse_settings(self.names, form)
        except SeparatorError:
            return ""
        folders = [line.strip() for line in data.splitlines() if line.strip()]
        weights = f"checkpoints/{start_from}" if start_from else ""
        practice = self.manager.is_practice(data)
        return build_training_command(values, folders, practice=practice, start_from=weights, track=track)

    def _find_weights(self, start_from: str) -> Path | None:
        """The checkpoint to go on from, if one was chosen."""
        return self.registry.find_paths([start_from])[0] if start_from else None

    def _find_check(self, data: str, target: str) -> tuple[DataCheck | None, str]:
        """The check of these data, and the error in their folder."""
        if not data.strip():
            return None, ""
        try:
            folders = self.manager.parse_folders(data)
        except SeparatorError as error:
            return None, str(error)
        return self.checks.get((tuple(folders), split_names((target,)))), ""

    def _select_run(self, run: RunFolder) -> Any:
        names = [run.name, *(other.name for other in self.manager.list_runs() if other.name != run.name)]
        return gr.Radio(choices=names, value=run.name)


def _keep_value(value: Any) -> Any:
    return value


def _set_interactive(interactive: bool) -> Any:
    return gr.Button(interactive=interactive)


def _set_visible(visible: bool) -> Any:
    return gr.Row(visible=visible)


def _set_runs(drawn: tuple[list[tuple[str, str]], str | None]) -> Any:
    choices, name = drawn
    return gr.Radio(choices=choices, value=name) if name else gr.Radio(choices=choices)
