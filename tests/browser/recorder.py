"""What a page in live mode takes in and plays, recorded sample by sample on its audio thread."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

START = """async () => {
  const source = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process(inputs) { // one that nothing is connected to has no channels
      const at = (this.at ?? 0) % 8192;
      if (!at) this.message = { begin: currentFrame, channels: [0, 1, 2, 3].map(() => new Int16Array(8192)) };
      const { channels } = this.message;
      inputs.forEach((input, i) => input.forEach((samples, c) => {
        for (let n = 0; n < samples.length; n++) channels[2 * i + c][at + n] = 32767 * samples[n];
      }));
      this.at = at + 128; // samples of a render quantum
      if (this.at === 8192) this.port.postMessage(this.message, channels.map(({ buffer }) => buffer));
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
  const { session, element } = document.querySelector("#sori").page.live;
  const link = document.createElement("a");
  const inTurn = [0, 1, 2, 3].flatMap((channel) => parts.map(({ channels }) => channels[channel]));
  link.href = URL.createObjectURL(new Blob(inTurn));
  link.download = "recorded.raw";
  link.click();
  return { rate: session.context.sampleRate, begin: element.dataset.begin - parts[0].begin };
}"""


def start_recording(page: Any) -> None:
    """Record what the running session takes in and plays, and let it begin anew."""
    page.evaluate(START)
    page.evaluate("document.querySelector('#sori').page.live.restart()")


def stop_recording(page: Any, path: Path) -> tuple[Tensor, int]:
    """``(4, N)`` from where the session began: left and right of what was taken in and of what was played; rate in Hz.

    The latter is 0 until the delay is over. By way of a file.
    """
    with page.expect_download(timeout=120_000) as started:
        about = page.evaluate(STOP)
    started.value.save_as(path)
    samples = np.fromfile(path, dtype=np.int16).reshape(4, -1)
    return torch.from_numpy(samples[:, about["begin"] :].astype(np.float32) / 32767), int(about["rate"])
