// "Hear it learn": one excerpt after every epoch of a training, beside the true stem and the mixture, on one clock.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const { make, text } = Sori;
  const KEPT = 12; // decoded epochs; older ones are fetched again
  const FADE_SECONDS = 0.012;
  const SETTLE_MS = 120; // a slider that is being dragged does not fetch every epoch it passes

  class Excerpt {
    constructor(root, server) {
      Object.assign(this, { root, server, sounds: new Map(), voice: "model", epoch: null, playing: null, offset: 0, asked: 0 });
    }

    show(data) {
      const sameRun = data && this.data && data.run === this.data.run;
      const wasLast = !sameRun || this.epoch === this.data.epochs.at(-1)?.[0];
      this.data = data;
      if (!data?.epochs?.length) { this.close(); this.root.replaceChildren(); this.built = false; return; }
      if (!sameRun) { this.stop(); this.sounds.clear(); this.offset = 0; }
      if (!this.built) this.build();
      this.slider.max = data.epochs.length - 1;
      // While it plays the epoch stays the listener's; otherwise the newest is shown as it arrives.
      const index = wasLast && !this.playing ? data.epochs.length - 1 : data.epochs.findIndex(([epoch]) => epoch === this.epoch);
      this.slider.value = Math.max(0, index);
      this.choose();
    }

    build() {
      this.button = make("button", { type: "button", class: "play", onclick: () => this.toggle() });
      this.clock = make("output", { class: "clock" });
      this.slider = make("input", { type: "range", class: "epochs", min: 0, max: 0, step: 1, "aria-label": text("live.hear_epoch"), oninput: () => this.choose() });
      this.chips = Object.fromEntries(["model", "reference", "mixture"].map((voice) => [voice,
        make("button", { type: "button", class: "chip", onclick: () => { this.voice = voice; this.choose(); } })]));
      this.title = make("h3");
      this.about = make("p", { class: "quiet" });
      this.score = make("b", { class: "sdr" });
      this.canvas = make("canvas", { class: "spectrogram", role: "img" });
      this.line = make("i", { class: "playhead" });
      const picture = make("div", { class: "picture", onclick: (event) => this.seek(event) }, this.canvas, this.line);
      this.root.replaceChildren(make("section", { class: "card learn-card sori-player" },
        make("header", {}, this.title, this.about),
        make("div", { class: "transport" }, this.button, make("div", { class: "chips" }, ...Object.values(this.chips)), this.clock),
        make("label", { class: "epoch-line" }, this.score, this.slider), picture));
      this.built = true;
    }

    get name() { return this.voice === "model" ? String(this.epoch) : this.voice; }

    choose() {
      const [epoch, sdr] = this.data.epochs[Number(this.slider.value)] || this.data.epochs.at(-1);
      this.epoch = epoch;
      this.title.textContent = text("live.hear");
      this.about.textContent = text("live.hear_about");
      for (const [voice, chip] of Object.entries(this.chips)) {
        chip.textContent = text(`live.hear_${voice}`, { epoch });
        chip.setAttribute("aria-pressed", String(voice === this.voice));
      }
      const level = typeof sdr === "number" ? ` · SDR ${sdr.toFixed(2)} dB` : "";
      this.score.textContent = `${text("live.hear_epoch")} ${epoch}${level}`;
      this.slider.setAttribute("aria-valuetext", this.score.textContent);
      this.refresh();
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.turn(), SETTLE_MS);
    }

    // Shows the chosen sound and, while playing, moves over to it at the same position.
    async turn() {
      const asked = ++this.asked;
      try {
        const sound = await this.fetch(this.name);
        if (asked !== this.asked) return;
        this.current = sound;
        this.about.classList.remove("bad");
        this.picture(sound);
        if (this.playing) this.begin(this.position());
      } catch (error) {
        this.about.textContent = text("live.hear_gone", { reason: error.message });
        this.about.classList.add("bad");
      }
      this.refresh();
    }

    async fetch(name) {
      const known = this.sounds.get(name);
      if (known) return known;
      const encoded = await this.server.preview_sound([this.data.run, name]);
      if (!encoded) throw new Error(name);
      this.context ??= new AudioContext();
      const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
      const sound = { buffer: await this.context.decodeAudioData(bytes.buffer) };
      this.sounds.set(name, sound);
      const epochs = [...this.sounds.keys()].filter((key) => /^\d+$/.test(key));
      if (epochs.length > KEPT) this.sounds.delete(epochs[0]);
      return sound;
    }

    picture(sound) {
      sound.image ??= Sori.spectrogram(sound.buffer.getChannelData(0), sound.buffer.sampleRate);
      this.canvas.width = sound.image.width;
      this.canvas.height = sound.image.height;
      this.canvas.getContext("2d").putImageData(sound.image, 0, 0);
      this.canvas.setAttribute("aria-label", text("live.hear_picture", { name: this.chips[this.voice].textContent }));
      this.root.dataset.shown = this.name;
    }

    async toggle() {
      if (this.playing) return this.pause();
      Sori.playing?.pause(this); // one player at a time
      if (!this.current) await this.turn();
      if (!this.current) return;
      await this.context.resume();
      this.begin(this.offset);
      Sori.playing = this;
      this.tick();
      this.refresh();
    }

    begin(offset) {
      const { context } = this;
      const [source, gain] = [context.createBufferSource(), context.createGain()];
      source.buffer = this.current.buffer;
      source.loop = true;
      gain.gain.setValueAtTime(0, context.currentTime);
      gain.gain.linearRampToValueAtTime(1, context.currentTime + FADE_SECONDS);
      source.connect(gain).connect(context.destination);
      source.start(context.currentTime, offset % source.buffer.duration);
      this.stop();
      this.playing = { source, gain, since: context.currentTime - offset };
    }

    stop() {
      if (!this.playing) return;
      const { source, gain } = this.playing;
      const now = this.context.currentTime;
      gain.gain.cancelScheduledValues(now);
      gain.gain.setValueAtTime(gain.gain.value, now);
      gain.gain.linearRampToValueAtTime(0, now + FADE_SECONDS);
      source.stop(now + FADE_SECONDS);
      this.playing = null;
    }

    position() {
      if (!this.playing) return this.offset;
      return (this.context.currentTime - this.playing.since) % this.current.buffer.duration;
    }

    pause(by) {
      if (by === this || !this.playing) return;
      this.offset = this.position();
      this.stop();
      this.refresh();
    }

    seek(event) {
      if (!this.current) return;
      const box = this.canvas.getBoundingClientRect();
      this.offset = ((event.clientX - box.left) / box.width) * this.current.buffer.duration;
      if (this.playing) this.begin(this.offset);
      this.refresh();
    }

    tick() {
      this.refresh();
      if (this.playing && this.root.isConnected) requestAnimationFrame(() => this.tick());
    }

    refresh() {
      if (!this.built) return;
      const duration = this.current?.buffer.duration || 0;
      const word = text(this.playing ? "live.hear_pause" : "live.hear_play");
      if (this.button.getAttribute("aria-label") !== word) {
        this.button.setAttribute("aria-label", word);
        this.button.replaceChildren(Sori.icon(this.playing ? "pause" : "play"));
      }
      this.clock.textContent = duration ? `${Sori.time(this.position())} / ${Sori.time(duration)}` : "";
      this.line.style.left = duration ? `${(100 * this.position()) / duration}%` : "0";
    }

    close() {
      this.stop();
      this.context?.close();
      this.context = null;
      this.current = null;
    }
  }

  Sori.mountLearn = (element, props, watch, server) => {
    const root = element.querySelector(".sori-learn");
    const excerpt = new Excerpt(root, server);
    root.excerpt = excerpt; // for the browser tests
    const show = () => excerpt.show(props.value || null);
    watch("value", show);
    const stopLanguage = Sori.onLanguage(() => { if (excerpt.built) excerpt.choose(); });
    Sori.whenGone(element, () => { excerpt.close(); stopLanguage(); });
    show();
  };
})();
