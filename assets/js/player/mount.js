// Fills a gr.HTML with the mixer or the comparison, by the mode of its value.
import { find, make, whenGone } from "../dom.js";
import { text } from "../text.js";
import { Comparison } from "./compare.js";
import { Mixer } from "./mixer.js";

const PLAYERS = { mixer: Mixer, compare: Comparison };

/** @param {PlayerData} one @param {PlayerData} other */
const isSameSong = (one, other) => one.tracks[0]?.file.url === other.tracks[0]?.file.url;

/** The component keeps its element; a new value replaces the player in it. @param {Hooks<PlayerData>} hooks */
export function mountPlayer({ element, props, watch, trigger }) {
  const root = find(element, ".sori-player");
  /** @type {import("./player.js").Player | null} */
  let current = null;
  const show = () => {
    const data = props.value;
    if (data?.late && current) {
      if (isSameSong(data, current.data)) current.takeAnalysis(data.analysis ?? null);
      return;
    }
    current?.close();
    current = null;
    if (!data?.tracks?.length) {
      root.replaceChildren(make("p", { class: "player-note", text: text(root.dataset.empty || "") }));
      return;
    }
    const player = new PLAYERS[data.mode](root, data, trigger);
    Object.assign(root, { player }); // for the browser tests
    player.open();
    current = player;
  };
  watch("value", show);
  whenGone(element, () => current?.close());
  show();
}
