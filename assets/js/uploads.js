// Gradio's upload areas show one text and are named another, and its "add files" icon is a button inside a button:
// both confuse screen readers and voice control.
import { text } from "./text.js";

function mendUploads() {
  for (const area of document.querySelectorAll("button.upload-container[aria-label]:not(.icon-mode)"))
    area.removeAttribute("aria-label");
  for (const area of document.querySelectorAll(
    "button.icon-button > button.upload-container, button.icon-button div > button.upload-container",
  )) {
    const outer = /** @type {HTMLElement} */ (area.closest("button.icon-button"));
    outer.setAttribute("role", "group");
    outer.tabIndex = -1;
    for (const node of [outer, /** @type {HTMLElement} */ (area)]) {
      node.title = text("page.add_files");
      node.setAttribute("aria-label", node.title);
    }
  }
}

new MutationObserver(mendUploads).observe(document.documentElement, { childList: true, subtree: true });
mendUploads();
