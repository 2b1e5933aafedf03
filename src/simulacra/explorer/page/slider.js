// One slider: its name, its value, and a button that resets it.

import { element, rounded, words } from "./dom.js";

let number = 0;

// Options: { name, low, high, step, signed, move(value), reset(), strip() }. `strip` is left out where there is none.
export function slider({ name, low, high, step = 0.05, signed = false, move, reset, strip }) {
  number += 1;
  const id = `slider-${number}`;
  const output = element("output", { for: id });
  const input = element("input", {
    type: "range", id, class: signed ? "signed" : "", min: String(low), max: String(high), step: String(step),
    oninput: () => { write(); move(Number(input.value)); },
  });
  const resetButton = element("button", {
    type: "button", class: "quiet", "aria-label": `Reset ${words(name)}`, title: "Reset", onclick: reset,
  }, "↺");
  const stripButton = strip && element("button", {
    type: "button", class: "quiet", "aria-label": `Images along ${words(name)}`, title: "Show images along this slider",
    onclick: strip,
  }, "▦");
  const write = () => {
    output.textContent = rounded(Number(input.value), signed);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const label = element("label", { for: id }, words(name));
  return {
    row: element("div", { class: "slider" }, label, input, output, resetButton, stripButton),
    set(value, changed) {
      if (document.activeElement !== input || Number(input.value) !== value) input.value = String(value);
      write();
      resetButton.disabled = !changed;
    },
  };
}

// A code with one entry of one of its parts set; a value of undefined removes the entry.
export function withEntry(code, part, name, value) {
  const entries = { ...(code[part] ?? {}) };
  if (value === undefined) delete entries[name];
  else entries[name] = value;
  const changed = { ...code, [part]: entries };
  if (!Object.keys(entries).length) delete changed[part];
  return changed;
}
