// Plays several decoded tracks on one Web Audio clock, so that they stay together to the sample. Draws nothing.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const FADE = 0.008; // seconds; long enough to hide a click, too short to hear
  const MEMORY_LIMIT = 1.3e9; // bytes of decoded audio, about ten minutes of six stereo tracks at 44.1 kHz
  const pause = () => new Promise((resolve) => setTimeout(resolve));

  // `view` says what is heard: "stems", "mixture", "null" (mixture minus stems), or, for comparing, a track's index.
  class Engine {
    constructor() {
      this.tracks = [];
      this.view = "stems";
      this.masterDb = 0;
      this.loop = null; // {start, end} in seconds
      this.offset = 0;
      this.running = null; // {sources, gates, started} while playing
      this.aborter = new AbortController();
      this.folded = false;
      this.matched = true; // whether a comparison plays all tracks equally loud
    }

    get mixture() { return this.tracks.find((track) => track.kind === "mixture"); }
    get stems() { return this.tracks.filter((track) => track.kind !== "mixture"); }
    get playing() { return this.running !== null; }

    async load(tracks, sampleRate, announce) {
      this.sampleRate = sampleRate || 44100;
      const decoder = new OfflineAudioContext(2, 1, this.sampleRate);
      for (const [index, track] of tracks.entries()) {
        announce(track, index + 1, tracks.length);
        const answer = await fetch(track.file.url, { signal: this.aborter.signal });
        if (!answer.ok) throw Object.assign(new Error(`HTTP ${answer.status}`), { track });
        let buffer;
        try {
          buffer = await decoder.decodeAudioData(await answer.arrayBuffer());
        } catch (error) {
          throw Object.assign(error, { track });
        }
        if (this.aborter.signal.aborted) throw new DOMException("replaced", "AbortError");
        buffer = this.fold(buffer, tracks.length);
        this.tracks.push({ ...track, buffer, db: 0, mute: false, solo: false, matchDb: track.gain_db || 0 });
      }
      this.length = Math.max(...this.tracks.map((track) => track.buffer.length));
      this.duration = this.length / this.sampleRate;
    }

    // Above the memory limit all tracks become mono; one track is decoded at a time, so the peak stays low as well.
    fold(buffer, count) {
      if (buffer.length * buffer.numberOfChannels * 4 * count <= MEMORY_LIMIT || buffer.numberOfChannels === 1) return buffer;
      this.folded = true;
      const mono = new AudioBuffer({ length: buffer.length, numberOfChannels: 1, sampleRate: buffer.sampleRate });
      const sum = mono.getChannelData(0);
      for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const data = buffer.getChannelData(channel);
        for (let n = 0; n < sum.length; n++) sum[n] += data[n] / buffer.numberOfChannels;
      }
      return mono;
    }

    // The context is made at the first click: browsers keep one made earlier silent.
    connect() {
      if (this.context) return;
      this.context = new AudioContext({ sampleRate: this.sampleRate, latencyHint: "interactive" });
      this.master = this.context.createGain();
      this.meter = this.context.createAnalyser();
      this.meter.fftSize = 2048;
      this.master.connect(this.meter).connect(this.context.destination);
      for (const track of this.tracks) {
        track.node = this.context.createGain();
        track.node.gain.value = this.gainOf(track);
        track.node.connect(this.master);
      }
      this.master.gain.value = Sori.toGain(this.masterDb);
    }

    gainOf(track) {
      const isMixture = track.kind === "mixture";
      if (typeof this.view === "number") return this.tracks[this.view] === track ? Sori.toGain(this.matched ? track.matchDb : 0) : 0;
      if (this.view === "null") return isMixture ? 1 : -1;
      if (this.view === "mixture" || isMixture) return this.view === "mixture" && isMixture ? 1 : 0;
      const soloed = this.stems.some((stem) => stem.solo);
      return track.mute || (soloed && !track.solo) ? 0 : Sori.toGain(track.db);
    }

    // Moves every fader to where the state says, within a few milliseconds: a switch has no gap and no click.
    apply() {
      if (!this.context) return;
      const now = this.context.currentTime;
      for (const track of this.tracks) track.node.gain.setTargetAtTime(this.gainOf(track), now, FADE / 3);
      this.master.gain.setTargetAtTime(Sori.toGain(this.masterDb), now, FADE / 3);
    }

    get position() {
      if (!this.running) return this.offset;
      let at = this.offset + Math.max(0, this.context.currentTime - this.running.started);
      if (this.loop && at >= this.loop.end && this.offset < this.loop.end) {
        at = this.loop.start + ((at - this.loop.start) % (this.loop.end - this.loop.start));
      }
      return Math.min(at, this.duration);
    }

    async play() {
      if (this.playing || !this.tracks.length) return;
      this.connect();
      await this.context.resume();
      if (this.offset >= this.duration - 0.01) this.offset = 0;
      this.start();
    }

    start() {
      const started = this.context.currentTime + 0.03; // one moment for all, a little ahead, so none is late
      const inLoop = this.loop && this.offset < this.loop.end;
      const gates = [];
      const sources = this.tracks.map((track) => {
        const source = new AudioBufferSourceNode(this.context, { buffer: track.buffer });
        if (inLoop) Object.assign(source, { loop: true, loopStart: this.loop.start, loopEnd: this.loop.end });
        const gate = this.context.createGain();
        gate.gain.setValueAtTime(0, started);
        gate.gain.linearRampToValueAtTime(1, started + FADE);
        source.connect(gate).connect(track.node);
        source.start(started, this.offset);
        gates.push(gate);
        return source;
      });
      this.running = { sources, gates, started };
    }

    halt() {
      const { sources, gates } = this.running;
      const now = this.context.currentTime;
      for (const gate of gates) {
        gate.gain.cancelScheduledValues(now);
        gate.gain.setTargetAtTime(0, now, FADE / 3);
      }
      for (const source of sources) source.stop(now + 3 * FADE);
      this.running = null;
    }

    pause() {
      if (!this.playing) return;
      this.offset = this.position;
      this.halt();
    }

    seek(seconds) {
      const wasPlaying = this.playing;
      if (wasPlaying) this.halt();
      this.offset = Math.min(Math.max(0, seconds), this.duration);
      if (wasPlaying) this.start();
    }

    setLoop(loop) {
      const at = this.position;
      this.loop = loop;
      this.seek(loop && (at < loop.start || at >= loop.end) ? loop.start : at);
    }

    // True once the last sample has been played and nothing repeats.
    get ended() { return this.playing && !this.loop && this.position >= this.duration; }

    stop() {
      if (this.playing) this.halt();
      this.offset = 0;
    }

    // Peak of what is being heard right now, in dB of full scale.
    peakDb() {
      if (!this.playing) return -Infinity;
      const samples = new Float32Array(this.meter.fftSize);
      this.meter.getFloatTimeDomainData(samples);
      let peak = 0;
      for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
      return 20 * Math.log10(peak);
    }

    // Adds up tracks × gains for samples [from, to) of one channel into `out`.
    sum(gains, channel, from, out) {
      out.fill(0);
      this.tracks.forEach((track, index) => {
        const gain = gains[index];
        if (!gain) return;
        const data = track.buffer.getChannelData(Math.min(channel, track.buffer.numberOfChannels - 1));
        const count = Math.min(out.length, data.length - from);
        for (let n = 0; n < count; n++) out[n] += gain * data[from + n];
      });
    }

    get channels() { return Math.max(...this.tracks.map((track) => track.buffer.numberOfChannels)); }

    // Level of (mixture - all stems) below the mixture, in dB; Infinity when they are equal.
    async nullLevel() {
      const gains = this.tracks.map((track) => (track.kind === "mixture" ? 1 : -1));
      const only = this.tracks.map((track) => (track.kind === "mixture" ? 1 : 0));
      const block = 1 << 18;
      let error = 0, song = 0;
      for (let from = 0; from < this.length; from += block) {
        const out = new Float32Array(Math.min(block, this.length - from));
        for (let channel = 0; channel < this.channels; channel++) {
          this.sum(gains, channel, from, out);
          for (const x of out) error += x * x;
          this.sum(only, channel, from, out);
          for (const x of out) song += x * x;
        }
        await pause();
      }
      return error === 0 ? Infinity : 10 * Math.log10(song / error);
    }

    // What is heard (or its loop region) as a WAV: 24 bits, or floats when the mix is louder than full scale.
    async exportWav() {
      const gains = this.tracks.map((track) => this.gainOf(track) * Sori.toGain(this.masterDb));
      const first = this.loop ? Math.round(this.loop.start * this.sampleRate) : 0;
      const last = this.loop ? Math.round(this.loop.end * this.sampleRate) : this.length;
      const peak = await this.scan(gains, first, last, null);
      const asFloat = peak > 1;
      const parts = [wavHeader(last - first, this.channels, this.sampleRate, asFloat)];
      await this.scan(gains, first, last, (channels) => parts.push(interleave(channels, asFloat)));
      return new Blob(parts, { type: "audio/wav" });
    }

    async scan(gains, first, last, use) {
      let peak = 0;
      for (let from = first; from < last; from += 1 << 17) {
        const size = Math.min(1 << 17, last - from);
        const channels = Array.from({ length: this.channels }, () => new Float32Array(size));
        channels.forEach((out, channel) => {
          this.sum(gains, channel, from, out);
          for (const x of out) peak = Math.max(peak, Math.abs(x));
        });
        if (use) use(channels);
        await pause();
      }
      return peak;
    }

    // Loudest sample of each of `bins` slices of a track: what a waveform draws.
    async peaks(track, bins) {
      const { buffer } = track;
      const result = new Float32Array(bins);
      const perBin = this.length / bins;
      for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const data = buffer.getChannelData(channel);
        for (let bin = 0; bin < bins; bin++) {
          const end = Math.min(data.length, Math.floor((bin + 1) * perBin));
          for (let n = Math.floor(bin * perBin); n < end; n++) {
            const level = data[n] < 0 ? -data[n] : data[n];
            if (level > result[bin]) result[bin] = level;
          }
          if (bin % 200 === 199) await pause();
        }
      }
      return result;
    }

    close() {
      this.aborter.abort();
      if (this.playing) this.halt();
      this.context?.close();
      this.tracks = [];
    }
  }

  function wavHeader(frames, channels, sampleRate, asFloat) {
    const width = asFloat ? 4 : 3;
    const view = new DataView(new ArrayBuffer(44));
    const ascii = (at, word) => [...word].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
    const bytes = frames * channels * width;
    ascii(0, "RIFF"); view.setUint32(4, 36 + bytes, true); ascii(8, "WAVEfmt ");
    view.setUint32(16, 16, true); view.setUint16(20, asFloat ? 3 : 1, true); view.setUint16(22, channels, true);
    view.setUint32(24, sampleRate, true); view.setUint32(28, sampleRate * channels * width, true);
    view.setUint16(32, channels * width, true); view.setUint16(34, 8 * width, true);
    ascii(36, "data"); view.setUint32(40, bytes, true);
    return view.buffer;
  }

  function interleave(channels, asFloat) {
    const size = channels[0].length;
    const width = asFloat ? 4 : 3;
    const view = new DataView(new ArrayBuffer(size * channels.length * width));
    let at = 0;
    for (let n = 0; n < size; n++) {
      for (const channel of channels) {
        if (asFloat) view.setFloat32(at, channel[n], true);
        else {
          const value = Math.round(Math.max(-1, Math.min(1 - 2 ** -23, channel[n])) * 2 ** 23);
          view.setUint16(at, value & 0xffff, true);
          view.setInt8(at + 2, value >> 16);
        }
        at += width;
      }
    }
    return view.buffer;
  }

  Sori.Engine = Engine;
})();
