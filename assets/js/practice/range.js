// A slider whose value has words for screen readers, and that returns to its neutral value at a double click.
import { make } from "../dom.js";

/**
 * @param {{label: string, class?: string, min: number, max: number, step: number, value: number, neutral?: number,
 *   describe: (value: number) => string, change: (value: number) => void}} options
 * @returns {HTMLInputElement & {show: (value: number) => void}} `show` moves it from outside
 */
export function makeRange({ label, class: className, min, max, step, value, neutral = 0, describe, change }) {
  const input = make("input", {
    type: "range",
    class: className,
    min,
    max,
    step,
    value,
    "aria-label": label,
    title: label,
  });
  const readOut = () => input.setAttribute("aria-valuetext", describe(Number(input.value)));
  input.addEventListener("input", () => {
    readOut();
    change(Number(input.value));
  });
  input.addEventListener("dblclick", () => {
    input.value = String(neutral);
    input.dispatchEvent(new Event("input"));
  });
  readOut();
  return Object.assign(input, {
    show: (/** @type {number} */ shown) => {
      input.value = String(shown);
      readOut();
    },
  });
}
