// One player sounds at a time.

/** @typedef {{pause: () => void}} Sounding */

/** @type {Sounding | null} */
let current = null;

/** Pauses whichever other player sounds. @param {Sounding} player */
export function claimSound(player) {
  if (current !== player) current?.pause();
  current = player;
}

/** @param {Sounding} player */
export function releaseSound(player) {
  if (current === player) current = null;
}
