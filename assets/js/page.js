// What every other script of the page shares: texts in the browser's language, and how times and levels are written.
(() => {
  "use strict";
  const Sori = (window.Sori = window.Sori || {});

  const language = () => (document.documentElement.lang || navigator.language || "en").toLowerCase().split("-")[0];

  // Fills the {names} of a sentence. `soriTexts` is written into the page by the server.
  Sori.text = (key, values = {}) => {
    const texts = window.soriTexts || {};
    const sentence = texts[language()]?.[key] ?? texts.en?.[key] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  };

  // A track's own name where the page knows the kind (vocals, drums …), else what the server called it.
  Sori.trackName = (track) => {
    const key = `player.${track.kind}`;
    const known = Sori.text(key);
    return track.name || (known === key ? track.kind : known);
  };

  Sori.time = (seconds) => {
    const whole = Math.max(0, seconds);
    const minutes = Math.floor(whole / 60);
    return `${minutes}:${(whole - minutes * 60).toFixed(1).padStart(4, "0")}`;
  };

  Sori.toGain = (db) => (db <= -60 ? 0 : 10 ** (db / 20));

  // make("button", {class: "x", text: "Play", "aria-label": "…", onclick: f}, child, child …)
  Sori.make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter(Boolean));
    return node;
  };

  // Calls back when the person changes the language in the page's settings; returns the way to stop.
  Sori.onLanguage = (callback) => {
    const observer = new MutationObserver(callback);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    return () => observer.disconnect();
  };

  // Runs `cleanup` once `node` has left the page, so that no audio context outlives what it drew.
  Sori.whenGone = (node, cleanup) => {
    const timer = setInterval(() => {
      if (node.isConnected) return;
      clearInterval(timer);
      cleanup();
    }, 1000);
  };

  // Gradio's upload areas say one thing and are called another, and its "add files" icon is a button inside a button:
  // both confuse screen readers and voice control.
  const mendUploads = () => {
    for (const area of document.querySelectorAll("button.upload-container[aria-label]:not(.icon-mode)")) area.removeAttribute("aria-label");
    for (const area of document.querySelectorAll("button.icon-button > button.upload-container, button.icon-button div > button.upload-container")) {
      const outer = area.closest("button.icon-button");
      outer.setAttribute("role", "group");
      outer.tabIndex = -1;
      for (const node of [outer, area]) {
        node.title = Sori.text("page.add_files");
        node.setAttribute("aria-label", node.title);
      }
    }
  };
  new MutationObserver(mendUploads).observe(document.documentElement, { childList: true, subtree: true });

  Sori.styleOf = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
})();
