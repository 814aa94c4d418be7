// What the server sends (ui/player.py, ui/train_view.py, ui/previews.py) and what Gradio passes to a script.

/** The variables of gr.HTML's js_on_load, in one object. */
interface Hooks<Value> {
  element: HTMLElement;
  props: { value: Value | null };
  watch: (name: "value", callback: () => void) => void;
  trigger: (event: string, data: unknown) => void;
  server: { read_preview: (runAndName: [run: string, name: string]) => Promise<string | null> };
}

type Kind = string; // "mixture", a stem, or in a comparison "reference", "a", "b", "error_a", "error_b"
type Decibels = number;
type Seconds = number;
type Loop = { start: Seconds; end: Seconds };
type Point = [x: number, y: number];

interface SentTrack {
  kind: Kind;
  name: string;
  gain_db: Decibels; // loudness match
  file: { url: string };
  download: { file: { url: string }; name: string };
}

/** A track once it is decoded. */
interface Track extends SentTrack {
  buffer: AudioBuffer;
  db: Decibels;
  pan: number; // from -1, left, to 1, right
  mute: boolean;
  solo: boolean;
  matchDb: Decibels;
  node: GainNode;
  panner: StereoPannerNode;
}

interface ErrorMap {
  rows: number;
  columns: number;
  missed: string; // base64, a byte per place
  leaked: string;
}

/** From ui/separate/analysis.py. */
interface SongAnalysis {
  tempo_bpm: number | null;
  tempo_confidence: number; // 0 to 1, as the key's
  beats: Seconds[];
  first_downbeat: number; // index into beats; 0 if not estimated
  beats_per_bar: number;
  key: { tonic: string; mode: "major" | "minor"; confidence: number } | null;
  tuning_cents: number | null; // above A = 440 Hz
  loudness: Record<Kind, { lufs: number | null; true_peak_db: Decibels | null }>;
}

interface PlayerData {
  mode: "mixer" | "compare";
  title?: string;
  sample_rate: number; // Hz
  tracks: SentTrack[];
  analysis?: SongAnalysis | null; // comes after the tracks
  late?: boolean; // brings the analysis of the song that is shown, and nothing else that is new
  sdr?: Record<Kind, (Decibels | null)[]>; // a value per second
  maps?: Record<Kind, ErrorMap>;
}

interface Row {
  head: HTMLElement;
  lane: HTMLElement;
  update: () => void;
}

type Numbers = Record<string, number | null | undefined>;

interface RunData {
  run: string;
  state: string;
  reason: string;
  message: string;
  changed_sdr_db?: number | null;
  preparing: { stage?: string; fraction?: number };
  progress: { epoch: number; epochs?: number; step: number; steps: number; seconds_left?: number; minutes?: number };
  facts: Numbers & { target?: string; device?: string; precision?: string };
  limits: Numbers;
  numbers: Numbers;
  best_sdr_db: Decibels | null;
  curves: Record<"train" | "train_smooth" | "valid" | "valid_smooth" | "sdr" | "learning_rate", Point[]>;
}

interface PreviewsData {
  run: string;
  epochs: [epoch: number, sdr_db: Decibels | null][];
}

/** Settings of an exported model, written by separator/export/html.py. */
interface ModelSettings {
  name: string;
  stft: StftSettings;
  targets: string[];
  stems: string[]; // the targets, then what they leave over
  input_channels: number;
  time_factor: number; // frames that the network's state takes as one
  fold: number; // frames that its layers take as one
  live_delays: { delay_seconds: Seconds; sdr_db: Decibels; change_db: Decibels }[]; // empty where not measured
  state_shapes: number[][];
  segmentation: Segmentation;
  about: Record<string, string>; // by the last part of a text's key
  licences: Record<string, string>; // of what the page carries
}

interface StftSettings {
  sample_rate: number;
  n_fft: number;
  hop_length: number;
}

/** In frames. */
interface Segmentation {
  hop: number;
  context: number;
  lookahead: number;
  fade: number;
}

/** Takes and returns frames of bins; the state is that `hop` frames later, where the next segment begins. */
interface Network {
  emptyState: () => any;
  run: (
    magnitude: Float32Array,
    frames: number,
    state: any,
    hop: number,
  ) => Promise<{ masks: Float32Array; state: any }>;
}

/** What is used of onnxruntime-web. */
interface OnnxRuntime {
  env: { wasm: { numThreads: number; wasmBinary: Uint8Array } };
  InferenceSession: { create: (model: Uint8Array, options: object) => Promise<any> };
  Tensor: new (type: string, data: Float32Array | BigInt64Array, shape: number[]) => any;
}

/** KISS FFT's C functions; numbers are addresses in its memory. */
interface KissFft {
  HEAPF32: Float32Array;
  _malloc: (bytes: number) => number;
  _free: (address: number) => void;
  _kiss_fftr_alloc: (size: number, isInverse: number, memory: number, memorySize: number) => number;
  _kiss_fftr: (plan: number, samples: number, spectrum: number) => void;
  _kiss_fftri: (plan: number, spectrum: number, samples: number) => void;
}

/** To the Worker, and back. */
type Order =
  | { kind: "load"; model: ModelSettings; onnx: Uint8Array; runtime: Uint8Array; fft: Uint8Array }
  | { kind: "separate"; channels: Float32Array[]; rate: number }
  | { kind: "stream"; port: MessagePort; rate: number; delay: Seconds }
  | { kind: "end_stream" };
type Answer =
  | { kind: "started" }
  | { kind: "ready" }
  | { kind: "progress"; share: number }
  | { kind: "stems"; stems: { kind: Kind; wav: Blob }[] }
  | { kind: "streaming"; store: number; latency: number; channels: number } // in samples
  | { kind: "failed"; reason: string };

/** To the Worker that stretches, and back; `before` and `song` have a part for each channel of each track. */
type StretchOrder =
  | { kind: "open"; channels: number; sampleRate: number }
  | { kind: "start"; before: Float32Array[]; tempo: number; pitch: number }
  | { kind: "process"; song: Float32Array[]; frames: number; count: number };
type StretchAnswer =
  | { kind: "opened"; delays: { input: number; output: number }; history: number }
  | { kind: "started" }
  | { kind: "samples"; channels: Float32Array[] }
  | { kind: "failed"; reason: string };

/** From the Worker to the audio thread. */
interface StreamedStems {
  chunk: number; // its number
  stems: Float32Array[][]; // channels of each
  load: number; // processor time as a share of real time
  skipped: number; // times that the network was left out, to catch up
}

/** Of the audio thread's global scope. */
declare const currentFrame: number;
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  port: MessagePort;
}
declare function registerProcessor(name: string, processor: new (options: any) => AudioWorkletProcessor): void;
