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
  mute: boolean;
  solo: boolean;
  matchDb: Decibels;
  node: GainNode;
}

interface ErrorMap {
  rows: number;
  columns: number;
  missed: string; // base64, a byte per place
  leaked: string;
}

interface PlayerData {
  mode: "mixer" | "compare";
  title?: string;
  sample_rate: number; // Hz
  tracks: SentTrack[];
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
