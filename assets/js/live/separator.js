// A stream of audio into stems, block by block, at a fixed delay, as LiveSeparator in separator/live.py.
import { expand, WINDOW_SECONDS } from "../export/expander.js";
import { extendToFullBand, gridAtRate, modelMagnitude, normalizeMasks, round } from "../export/grid.js";
import { gainsOf, measureBlock } from "../export/levels.js";
import { Stft } from "../export/stft.js";
import { Fifo } from "./fifo.js";
import { countLevelBlocks, planWithin } from "./plan.js";

/** Stems are late by `latency` samples and add up to the stream. */
export class LiveSeparator {
  /** @type {import("../export/levels.js").BlockLevel[]} */ levels = [];
  runs = 0;

  /**
   * @param {ModelSettings} model @param {Network} network @param {KissFft} kiss
   * @param {{rate: number, channels: number, delay: Seconds}} stream
   */
  constructor(model, network, kiss, { rate, channels, delay }) {
    this.model = model;
    this.network = network;
    this.grid = gridAtRate(rate, model.stft);
    const { size, hop, bins } = this.grid;
    this.latency = round(delay * rate);
    this.plan = planWithin(Math.floor(this.latency / hop), model, Math.ceil(size / (2 * hop)));
    const { step, length, reach, chains } = this.plan;
    this.stft = new Stft(kiss, size, hop);
    this.mostLevels = countLevelBlocks(rate, step * hop);
    this.states = Array.from({ length: chains }, () => network.emptyState());
    const rows = (/** @type {number} */ count, /** @type {number} */ values) =>
      Array.from({ length: count }, () => new Float32Array(values));
    this.incoming = new Fifo(channels, 0);
    this.mixture = new Fifo(channels, this.latency);
    this.ready = new Fifo(channels * model.targets.length, this.latency - (this.plan.delay - step) * hop);
    // Each rolls: what is new comes in at its end.
    this.samples = rows(channels, (2 * reach - 1 + step) * hop);
    this.spectra = rows(channels, 2 * length * bins);
    this.masks = rows(model.targets.length, (step + 2 * reach) * bins);
  }

  /** From one run of the network to the next. */
  get stepSamples() {
    return this.plan.step * this.grid.hop;
  }

  /**
   * The next block of the stream -> as many samples of each stem, of which the last is what the targets leave over.
   * @param {Float32Array[]} block kept @param {boolean} [skip] leave the network out: all goes into the last stem
   */
  async push(block, skip = false) {
    this.incoming.add(block);
    this.mixture.add(block);
    while (this.incoming.length >= this.stepSamples) this.ready.add(await this.separateStep(skip));
    const rest = this.mixture.take(block[0].length);
    const samples = this.ready.take(block[0].length);
    samples.forEach((values, n) => {
      const channel = rest[n % rest.length];
      for (let i = 0; i < values.length; i++) channel[i] -= values[i];
    });
    const stems = this.model.targets.map((_, n) => samples.slice(n * rest.length, (n + 1) * rest.length));
    return [...stems, rest];
  }

  /** The samples that the next frames complete: all channels of the first target, then of the next. @param {boolean} skip */
  async separateStep(skip) {
    const { plan, grid, stft } = this;
    const fresh = this.incoming.take(this.stepSamples);
    this.levels.push(measureBlock(fresh));
    if (this.levels.length > this.mostLevels) this.levels.shift();
    fresh.forEach((samples, c) => {
      roll(this.samples[c], samples);
      roll(this.spectra[c], stft.forward(this.samples[c], plan.reach, plan.step));
    });
    const estimated = skip ? null : await this.estimateMasks();
    this.runs++; // left out or not: each state keeps its place in time
    this.masks.forEach((mask, n) => roll(mask, estimated?.[n] ?? new Float32Array(plan.step * grid.bins)));
    const frames = plan.step + 2 * plan.reach;
    const end = plan.length - plan.lookahead;
    const begin = plan.reach * grid.hop;
    return this.masks.flatMap((mask) =>
      this.spectra.map((spectrum) => {
        const part = spectrum.subarray(2 * (end - frames) * grid.bins, 2 * end * grid.bins);
        return stft.inverse(part, (frames - 1) * grid.hop, mask).slice(begin, begin + this.stepSamples);
      }),
    );
  }

  /** Masks of all targets on the stream's grid, for the step that ends where the lookahead begins. */
  async estimateMasks() {
    const { plan, grid, model } = this;
    const { stft, input_channels: inputs } = model;
    const magnitude = modelMagnitude(this.spectra, gainsOf(this.levels), grid, stft, inputs);
    const chain = this.runs % plan.chains;
    const hop = plan.step * plan.chains;
    const estimate = await this.network.run(magnitude, plan.length, this.states[chain], hop);
    this.states[chain] = estimate.state;
    const bins = stft.n_fft / 2 + 1;
    const perSecond = stft.sample_rate / stft.hop_length;
    const margin = round(WINDOW_SECONDS * perSecond); // what is averaged over time reaches so far
    const end = plan.length - plan.lookahead;
    const first = Math.max(0, end - plan.step - margin);
    const last = Math.min(plan.length, end + margin);
    /** Of frames of bins of several songs, the frames around the step. @param {Float32Array} values @param {number} n */
    const around = (values, n) => values.subarray((n * plan.length + first) * bins, (n * plan.length + last) * bins);
    const mixture = joinRows(Array.from({ length: inputs }, (_, n) => around(magnitude, n)));
    const masks = model.targets.map((_, target) => {
      const mask = around(estimate.masks, target);
      expand(mask, mixture, bins, perSecond);
      const from = (end - plan.step - first) * grid.bins;
      return extendToFullBand(mask, grid, stft).subarray(from, from + plan.step * grid.bins);
    });
    normalizeMasks(masks);
    return masks;
  }

  /** Seconds that one run of the network takes. */
  async timeNetwork() {
    const { plan, model, network } = this;
    const magnitude = new Float32Array(model.input_channels * plan.length * (model.stft.n_fft / 2 + 1));
    const started = performance.now();
    await network.run(magnitude, plan.length, network.emptyState(), plan.step * plan.chains);
    return (performance.now() - started) / 1000;
  }

  close() {
    this.stft.close();
  }
}

/** Moves values towards the start, for new ones at the end. @param {Float32Array} values @param {Float32Array} fresh */
function roll(values, fresh) {
  values.copyWithin(0, fresh.length);
  values.set(fresh, values.length - fresh.length);
}

/** @param {Float32Array[]} rows of equal length */
function joinRows(rows) {
  if (rows.length === 1) return rows[0];
  const joined = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, n) => joined.set(row, n * row.length));
  return joined;
}
