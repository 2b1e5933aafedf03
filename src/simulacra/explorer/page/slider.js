// One slider: its name, its value, and a button that takes it back.

import { element, shown, words } from "./element.js";

let count = 0;

// told: { name, low, high, step, from, signed, move(value), back(), strip() }
export function slider(told) {
  count += 1;
  const id = `slider-${count}`;
  const output = element("output", { for: id });
  const input = element("input", {
    type: "range", id, class: told.signed ? "signed" : "", min: String(told.low), max: String(told.high), step: String(told.step ?? 0.05),
    oninput: () => { write(); told.move(Number(input.value)); },
  });
  const back = element("button", {
    type: "button", class: "quiet", "aria-label": `${words(told.name)} back`, title: "Back", onclick: told.back,
  }, "↺");
  const strip = told.strip && element("button", {
    type: "button", class: "quiet", "aria-label": `Pictures along ${words(told.name)}`, title: "Pictures along it",
    onclick: told.strip,
  }, "▦");
  const write = () => {
    output.textContent = shown(Number(input.value), told.signed);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const row = element("div", { class: "slider" }, element("label", { for: id }, words(told.name)), input, output, back, strip);
  return {
    row,
    set(value, turned) {
      if (document.activeElement !== input || Number(input.value) !== value) input.value = String(value);
      write();
      back.disabled = !turned;
    },
  };
}

// What a code holds under a key, changed at one place; a value of undefined takes the place out.
export function turned(code, key, place, value) {
  const part = { ...(code[key] ?? {}) };
  if (value === undefined) delete part[place];
  else part[place] = value;
  const changed = { ...code, [key]: part };
  if (!Object.keys(part).length) delete changed[key];
  return changed;
}
