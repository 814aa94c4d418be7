// Mixes to play or sing along with: which stems are silent.

/** @typedef {"everything" | "karaoke" | "no_bass" | "no_drums" | "only"} Preset */

const LEFT_OUT = { karaoke: "vocals", no_bass: "bass", no_drums: "drums" };

/** Those that the stems allow. @param {Track[]} stems @returns {Preset[]} */
export function listPresets(stems) {
  if (stems.length < 2) return [];
  const kinds = stems.map(({ kind }) => kind);
  const left = /** @type {(keyof typeof LEFT_OUT)[]} */ (Object.keys(LEFT_OUT));
  return ["everything", ...left.filter((preset) => kinds.includes(LEFT_OUT[preset])), "only"];
}

/** Mute and solo of a stem. @param {Preset} preset @param {Track} stem @param {Track} chosen */
const settingsOf = (preset, stem, chosen) => ({
  mute: stem.kind === /** @type {Record<string, string>} */ (LEFT_OUT)[preset],
  solo: preset === "only" && stem === chosen,
});

/** @param {Preset} preset @param {Track[]} stems @param {Track} chosen */
export function applyPreset(preset, stems, chosen) {
  for (const stem of stems) Object.assign(stem, settingsOf(preset, stem, chosen));
}

/** @param {Preset} preset @param {Track[]} stems @param {Track} chosen */
export const isApplied = (preset, stems, chosen) =>
  stems.every((stem) => {
    const { mute, solo } = settingsOf(preset, stem, chosen);
    return stem.mute === mute && stem.solo === solo;
  });
