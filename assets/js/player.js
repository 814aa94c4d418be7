// The stem mixer: what it shows and how it is worked by mouse, touch and keys. The sound itself is engine.js.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});
  const { make, text } = Sori;
  const KNOWN = ["mixture", "vocals", "accompaniment", "drums", "bass", "other", "rest", "reference", "a", "b", "error_a", "error_b"];
  const SPARE = ["--stem-vocals", "--stem-bass", "--stem-drums", "--stem-other"];

  Sori.colourOf = (track, index) => (KNOWN.includes(track.kind) ? `--stem-${track.kind}` : SPARE[index % SPARE.length]);

  // Drawn paths rather than emoji: they take the text's colour in both themes and need no font.
  const SHAPES = {
    play: "M7 4.5v15l12-7.5z", pause: "M7 5h4v14H7zM13 5h4v14h-4z",
    loop: "M7 7h9V4l5 4-5 4V9H8v4H6V8a1 1 0 0 1 1-1zm10 10H8v3l-5-4 5-4v3h8v-4h2v5a1 1 0 0 1-1 1z",
    save: "M11 4h2v8h3l-4 5-4-5h3zM5 18h14v2H5z",
  };
  Sori.icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SHAPES[name]);
    svg.append(path);
    return svg;
  };

  // Transport, waveforms and the moving line: what the mixer and the comparison (compare.js) have in common.
  class Player {
    constructor(root, data, trigger) {
      Object.assign(this, { root, data, trigger, engine: new Sori.Engine(), rows: [], chosen: data.tracks.length > 1 ? 1 : 0, closed: false });
      this.onKey = (event) => this.key(event);
      root.addEventListener("keydown", this.onKey);
      this.stopLanguage = Sori.onLanguage(() => this.ready && this.build());
      this.open();
    }

    async open() {
      const note = make("p", { class: "player-note", role: "status" });
      this.root.replaceChildren(note);
      const announce = (track, n, total) => {
        note.textContent = text("player.loading", { name: Sori.trackName(track), n, total });
      };
      try {
        await this.engine.load(this.data.tracks, this.data.sample_rate, announce);
      } catch (error) {
        if (this.closed) return;
        const name = error.track ? Sori.trackName(error.track) : "";
        note.textContent = text("player.failed", { name, reason: error.message });
        note.classList.add("bad");
        return;
      }
      this.waves = this.engine.tracks.map((track, i) => new Sori.Waveform(this.engine, track, Sori.colourOf(track, i)));
      this.ready = true;
      this.build();
      for (const wave of this.waves) await wave.measure();
      const loudest = Math.max(1e-4, ...this.waves.flatMap((wave) => [wave.peaks.reduce((a, b) => Math.max(a, b), 0)]));
      for (const wave of this.waves) wave.scale = 1 / loudest;
      this.refresh();
      this.root.dataset.ready = "true";
    }

    build() {
      const { engine } = this;
      this.playButton = make("button", { class: "play", type: "button", onclick: () => this.toggle() });
      this.clock = make("output", { class: "clock" });
      this.loopButton = make("button", { type: "button", class: "chip", title: text("player.loop_hint"), onclick: () => this.toggleLoop() },
        Sori.icon("loop"), make("span", { text: text("player.loop") }));
      this.masterSlider = this.slider("player.master", engine.masterDb, (db) => { engine.masterDb = db; });
      this.meter = make("i", { class: "level" });
      const master = make("label", { class: "master" }, make("span", { class: "meter", "aria-hidden": "true" }, this.meter), this.masterSlider);
      const transport = make("div", { class: "transport" }, this.playButton, this.clock, this.loopButton, ...this.controls(), master);
      this.seeker = make("input", { class: "seeker", type: "range", min: 0, max: engine.duration, step: 0.01,
        "aria-label": text("player.seek"), oninput: () => this.seek(Number(this.seeker.value)) });
      this.lanes = make("div", { class: "lanes" });
      this.region = make("div", { class: "region", hidden: true });
      this.line = make("div", { class: "playhead" });
      this.rows = [...engine.tracks.map((track, index) => this.row(track, index)), ...this.extraRows()];
      const heads = make("div", { class: "heads" }, ...this.rows.map((row) => row.head));
      this.lanes.append(...this.rows.map((row) => row.lane), this.region, this.line);
      Sori.watchPointer(this.lanes, engine, {
        seek: (at, where) => this.seek(at, where),
        region: (loop) => { engine.setLoop(loop); this.refresh(); },
        preview: (loop) => this.showRegion(loop),
      });
      const notes = [make("p", { class: "player-note keys", text: text(this.keysText) })];
      if (engine.folded) notes.unshift(make("p", { class: "player-note", text: text("player.folded") }));
      this.root.replaceChildren(transport, make("div", { class: "board" }, heads, make("div", { class: "stage" }, this.seeker, this.lanes)), ...this.extras(), ...notes);
      this.root.setAttribute("aria-label", text(this.labelText));
      this.refresh();
    }

    get keysText() { return "player.keys"; }
    get labelText() { return "player.label"; }
    extraRows() { return []; } // further lanes on the same time axis
    extras() { return []; } // what stands below the lanes

    slider(label, db, change, values = {}) {
      const input = make("input", { type: "range", class: "gain", min: -60, max: 12, step: 0.5, value: db, "aria-label": text(label, values) });
      const say = () => input.setAttribute("aria-valuetext", `${input.value} dB`);
      input.addEventListener("input", () => { change(Number(input.value)); say(); this.engine.apply(); this.refresh(); });
      input.addEventListener("dblclick", () => { input.value = 0; input.dispatchEvent(new Event("input")); });
      say();
      return input;
    }

    async toggle() {
      if (this.engine.playing) this.engine.pause();
      else {
        Sori.playing?.pause(this); // one player at a time
        await this.engine.play();
        Sori.playing = this;
        this.tick();
      }
      this.refresh();
    }

    pause(by) {
      if (by === this || this.closed) return;
      this.engine.pause();
      this.refresh();
    }

    seek(seconds) { this.engine.seek(seconds); this.moveLine(); }

    toggleLoop() {
      const { engine } = this;
      engine.setLoop(engine.loop ? null : { start: 0, end: engine.duration });
      this.refresh();
    }

    tick() {
      if (this.closed || !this.engine.playing) return;
      if (this.engine.ended) { this.engine.stop(); this.refresh(); return; }
      this.moveLine();
      requestAnimationFrame(() => this.tick());
    }

    moveLine() {
      const { engine } = this;
      const at = engine.position;
      this.line.style.left = `${(100 * at) / engine.duration}%`;
      this.clock.textContent = `${Sori.time(at)} / ${Sori.time(engine.duration)}`;
      this.seeker.value = at;
      this.seeker.setAttribute("aria-valuetext", Sori.time(at));
      const level = engine.peakDb();
      this.meter.style.width = `${Math.max(0, Math.min(100, (level + 60) / 0.6))}%`;
      this.meter.classList.toggle("clipping", level > 0);
      this.root.dataset.position = at.toFixed(3);
      this.root.dataset.peakDb = Number.isFinite(level) ? level.toFixed(1) : "-inf";
    }

    showRegion(loop) {
      this.region.hidden = !loop;
      if (!loop) return;
      this.region.style.left = `${(100 * loop.start) / this.engine.duration}%`;
      this.region.style.width = `${(100 * (loop.end - loop.start)) / this.engine.duration}%`;
    }

    refresh() {
      if (!this.playButton) return;
      const { engine } = this;
      this.playButton.replaceChildren(Sori.icon(engine.playing ? "pause" : "play"));
      this.playButton.setAttribute("aria-label", text(engine.playing ? "player.pause" : "player.play"));
      this.loopButton.setAttribute("aria-pressed", String(engine.loop !== null));
      this.showRegion(engine.loop);
      this.rows.forEach((row, index) => {
        row.head.classList.toggle("chosen", index === this.chosen);
        row.update();
      });
      this.waves.forEach((wave) => wave.draw(this.isSilent(wave.track)));
      this.moveLine();
    }

    isSilent(track) { return this.engine.gainOf(track) === 0; }

    // Keys work anywhere in the player, except where the focused control has its own use for them.
    key(event) {
      if (!this.ready || event.ctrlKey || event.metaKey || event.altKey) return;
      const onSlider = event.target.matches("input[type=range], select");
      if (onSlider && event.key.startsWith("Arrow")) return;
      if (event.key === " " && event.target.matches("button, a, select") && event.target !== this.playButton) return;
      const action = this.actions()[event.key.toLowerCase()] ?? this.numberAction(event.key);
      if (!action) return;
      event.preventDefault();
      action(event);
      this.refresh();
    }

    actions() {
      const step = (sign) => (event) => this.engine.seek(this.engine.position + sign * (event.shiftKey ? 1 : 5));
      return { " ": () => this.toggle(), arrowleft: step(-1), arrowright: step(1), home: () => this.engine.seek(0), l: () => this.toggleLoop() };
    }

    // Row of the key: a mixture, always first, is 0, so that stems and tracks to compare count from 1.
    get firstNumber() { return this.engine.mixture ? 0 : 1; }

    numberAction(key) {
      const index = Number(key) - this.firstNumber;
      return Number.isInteger(index) && index >= 0 && index < this.engine.tracks.length ? () => this.choose(index) : null;
    }

    choose(index) { this.chosen = index; }

    close() {
      this.closed = true;
      this.root.removeEventListener("keydown", this.onKey);
      this.stopLanguage();
      this.waves?.forEach((wave) => wave.close());
      this.engine.close();
      delete this.root.dataset.ready;
      if (Sori.playing === this) Sori.playing = null;
    }
  }

  // Faders, mute, solo, song/stems switch, null test and export.
  class Mixer extends Player {
    controls() {
      const views = this.engine.mixture ? ["stems", "mixture", "null"] : [];
      this.viewButtons = views.map((view) => make("button", { type: "button", class: "chip", "data-view": view,
        title: view === "null" ? text("player.null_hint") : null, text: text(`player.${view}`), onclick: () => this.setView(view) }));
      this.nullNote = make("span", { class: "null-note", role: "status" });
      this.exportButton = make("button", { type: "button", class: "chip export", onclick: () => this.export() },
        Sori.icon("save"), make("span", { text: text("player.export") }));
      return [make("div", { class: "chips", role: "group", "aria-label": text("player.listen_to") }, ...this.viewButtons), this.nullNote, this.exportButton];
    }

    row(track, index) {
      const name = Sori.trackName(track);
      const isMixture = track.kind === "mixture";
      const toggle = (what, letter) => make("button", { type: "button", class: `letter ${what}`, "aria-label": text(`player.${what}`, { name }),
        text: letter, onclick: () => this.flip(track, what) });
      const mute = isMixture ? null : toggle("mute", "M");
      const solo = isMixture ? null : toggle("solo", "S");
      const gain = isMixture ? null : this.slider("player.gain", track.db, (db) => { track.db = db; }, { name });
      const link = make("a", { class: "letter", href: track.download.file.url, download: track.download.name, "aria-label": text("player.download", { name }) }, Sori.icon("save"));
      const title = make("span", { class: "title", title: name }, make("i", { class: "dot", style: `background: var(${Sori.colourOf(track, index)})` }),
        make("b", { class: "number", text: index + this.firstNumber, "aria-hidden": "true" }), make("span", { text: name }));
      const head = make("div", { class: "head", onclick: () => { this.choose(index); this.refresh(); } },
        title, link, gain, mute && make("span", { class: "buttons" }, mute, solo));
      const lane = make("div", { class: "lane", role: "img", "aria-label": text("player.waveform", { name }) }, this.waves[index].canvas);
      const update = () => {
        mute?.setAttribute("aria-pressed", String(track.mute));
        solo?.setAttribute("aria-pressed", String(track.solo));
        if (gain) gain.value = track.db;
      };
      return { head, lane, update };
    }

    flip(track, what) { track[what] = !track[what]; this.engine.apply(); this.refresh(); }

    async setView(view) {
      this.engine.view = view;
      this.engine.apply();
      this.refresh();
      if (view === "null" && this.nullDb === undefined) {
        this.nullNote.textContent = text("player.measuring");
        this.nullDb = await this.engine.nullLevel();
        if (this.closed) return;
      }
      this.refresh();
    }

    refresh() {
      super.refresh();
      for (const button of this.viewButtons) button.setAttribute("aria-pressed", String(button.dataset.view === this.engine.view));
      const known = this.engine.view === "null" && this.nullDb !== undefined;
      if (known) {
        this.nullNote.textContent = Number.isFinite(this.nullDb) ? text("player.null_level", { level: this.nullDb.toFixed(1) }) : text("player.null_exact");
      } else if (this.engine.view !== "null") this.nullNote.textContent = "";
    }

    actions() {
      const track = this.engine.tracks[this.chosen];
      const louder = (sign) => () => { track.db = Math.max(-60, Math.min(12, track.db + sign)); this.engine.apply(); };
      const own = { a: () => this.setView(this.engine.view === "stems" && this.engine.mixture ? "mixture" : "stems") };
      if (this.engine.mixture) own.n = () => this.setView(this.engine.view === "null" ? "stems" : "null");
      if (track.kind !== "mixture") Object.assign(own, { m: () => this.flip(track, "mute"), s: () => this.flip(track, "solo"), arrowup: louder(1), arrowdown: louder(-1) });
      return { ...super.actions(), ...own };
    }

    async export() {
      const label = this.exportButton.querySelector("span");
      label.textContent = text("player.exporting");
      this.exportButton.disabled = true;
      const url = URL.createObjectURL(await this.engine.exportWav());
      make("a", { href: url, download: `${this.data.title || "song"} - mix.wav` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      this.exportButton.disabled = false;
      label.textContent = text("player.export");
    }
  }

  Sori.Player = Player;
  Sori.Mixer = Mixer;

  // Called from gr.HTML's js_on_load. The component keeps its element; a new value replaces the player in it.
  Sori.mount = (element, props, watch, trigger) => {
    const root = element.querySelector(".sori-player");
    let current = null;
    const show = () => {
      current?.close();
      current = null;
      const data = props.value;
      if (!data?.tracks?.length) { root.replaceChildren(make("p", { class: "player-note", text: text(root.dataset.empty) })); return; }
      current = data.mode === "compare" ? new Sori.Comparison(root, data, trigger) : new Mixer(root, data, trigger);
      root.player = current; // for the browser tests
    };
    watch("value", show);
    Sori.whenGone(element, () => current?.close());
    show();
  };
})();
