"""What a page in live mode takes in and plays, recorded sample by sample on its audio thread."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

START = """async () => {
  const source = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([taken, played]) {
      const channels = [...taken, ...played].map((channel) => Int16Array.from(channel, (x) => 32767 * x));
      if (channels.length === 4) this.port.postMessage(channels, channels.map(({ buffer }) => buffer));
      return true;
    }
  });`;
  const { session } = document.querySelector("#sori").page.live;
  const { context } = session;
  await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(source)}`);
  const options = { numberOfInputs: 2, channelCount: 2, channelCountMode: "explicit" };
  const recorder = new AudioWorkletNode(context, "recorder", options);
  window.recorded = [];
  recorder.port.onmessage = ({ data }) => recorded.push(data);
  session.source.connect(recorder, 0, 0);
  session.output.connect(recorder, 0, 1);
  recorder.connect(context.destination); // plays silence
}"""
STOP = """() => {
  const parts = recorded.splice(0);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([0, 1, 2, 3].flatMap((channel) => parts.map((part) => part[channel]))));
  link.download = "recorded.raw";
  link.click();
  return document.querySelector("#sori").page.live.session.context.sampleRate;
}"""


def start_recording(page: Any) -> None:
    """Record what the running session takes in and plays, from now on."""
    page.evaluate(START)


def stop_recording(page: Any, path: Path) -> tuple[Tensor, int]:
    """``(4, N)``, left and right of what was taken in and of what was played, by way of a file; and the rate in Hz."""
    with page.expect_download(timeout=120_000) as started:
        rate = page.evaluate(STOP)
    started.value.save_as(path)
    samples = np.fromfile(path, dtype=np.int16).reshape(4, -1)
    return torch.from_numpy(samples.astype(np.float32) / 32768), int(rate)
