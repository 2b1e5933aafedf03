// The panel of sliders: labels, categories, continuous codes, principal directions, latent dimensions.

import { byId, element, fill, rounded, words } from "./dom.js";
import { isReady, onDetails, server } from "./picture.js";
import { View, address, bitmap, json } from "./requests.js";
import { slider, withEntry } from "./slider.js";
import { change, listen, state } from "./state.js";
import { addSaving, looks, mark, thumbnails } from "./thumbnails.js";

const FIRST = 12; // latent dimensions that are shown at first
const COUNT = 9; // images along a slider
const FRAMES = 33; // of the same range as an animation
const MEASURES = { KL: "KL", spread: "SD" };
const HINTS = {
  KL: "Sorted by their mean KL divergence on test images, in nats. A dimension with a KL near 0 is inactive: it carries no information.",
  spread: "Sorted by the standard deviation (SD) of their codes over test images. A dimension with an SD near 0 carries no information.",
  "": "Each is one value of the noise.",
};
const view = new View((error) => fill(byId("strip"), error.message));
let controls = []; // { part, name, set }
let all = false; // whether every latent dimension is shown

export function setup() {
  onDetails(follow);
  addSaving(
    byId("strip-save"),
    (form) => address(`runs/${state.run}/strip.${form}`, { step: state.step, code: state.code, along: state.along, count: FRAMES, ...looks() }),
    () => state.along.replace(":", "-"),
  );
  listen((names) => {
    if (names.has("code")) follow(server.code);
    if (["code", "run", "step", "along", "tab"].some((name) => names.has(name))) showStrip();
  });
}

// Makes the sliders of a run.
export function build(card) {
  controls = [];
  const groups = [];
  if (card.labels.length) {
    const rows = card.exclusive ? [classChoice(card)] : card.labels.map((name) => row("labels", name, name, { low: 0, high: 1 }));
    groups.push(group("Labels", "The generator was trained with these labels.", rows));
  }
  card.categorical.forEach((size, index) => groups.push(group(`Categorical code ${index + 1}`, null, [categoryChoice(index + 1, size)])));
  if (card.continuous) {
    const rows = upTo(card.continuous).map((index) => row("continuous", index, `Code ${index}`, { low: -2, high: 2, signed: true }));
    groups.push(group("Continuous codes", "In training, each was drawn uniformly from −1 to 1.", rows));
  }
  if (card.principal_directions) {
    const rows = upTo(card.principal_directions).map((index) => row("principal_directions", index, `Direction ${index}`, { low: -5, high: 5, signed: true }));
    groups.push(group("Principal directions", "Directions in the space of the noise, sorted by how much the image changes along them. The unit is one standard deviation of the noise.", rows));
  }
  fill(byId("sliders"), ...groups, dimensions(card));
  follow(server.code);
  showStrip();
}

const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

function group(title, hint, rows) {
  return element("fieldset", { class: "group" }, element("legend", {}, title), hint && element("p", { class: "hint" }, hint), ...rows);
}

function dimensions(card) {
  const { activity, activity_measure: measure, encodes, noise } = card;
  const order = activity.length ? activity.map(([index]) => index) : upTo(noise);
  const shown = all ? order : order.slice(0, FIRST);
  const values = Object.fromEntries(activity);
  const name = (index) => (index in values ? `Dim ${index}, ${MEASURES[measure]} ${rounded(values[index])}` : `Dimension ${index}`);
  const rows = shown.map((index) => row("overrides", index, name(index), { low: -3, high: 3, signed: true }));
  const rest = order.length > shown.length
    ? element("button", { type: "button", onclick: () => { all = true; build(server.card); } }, `Show all ${order.length}`)
    : null;
  return element("details", { class: "group", open: encodes }, element("summary", {}, "Latent dimensions"),
    element("p", { class: "hint" }, HINTS[measure]), ...rows, rest);
}

function row(part, name, title, { low, high, signed = false }) {
  const made = slider({
    name: String(title), low, high, signed,
    move: (value) => change({ code: withEntry(state.code, part, name, value) }),
    reset: () => change({ code: withEntry(state.code, part, name, undefined) }),
    strip: () => change({ along: `${part}:${name}` }),
  });
  controls.push({ part, name, set: made.set });
  return made.row;
}

function classChoice(card) {
  const options = card.labels.map((name) => element("option", { value: name }, words(name)));
  const choose = () => change({ code: { ...state.code, labels: { [select.value]: 1 } } });
  const select = element("select", { onchange: choose }, ...options);
  controls.push({ part: "labels", name: null, set: (value) => { select.value = value; } });
  return element("div", { class: "pick" }, element("label", {}, "Class ", select));
}

function categoryChoice(index, size) {
  const options = upTo(size).map((value) => element("option", { value: String(value) }, String(value)));
  const choose = () => change({ code: withEntry(state.code, "categories", index, Number(select.value)) });
  const select = element("select", { onchange: choose }, ...options);
  controls.push({ part: "categories", name: index, set: (value) => { select.value = String(value); } });
  const strip = element("button", {
    type: "button", class: "quiet", title: "Show an image of each category", "aria-label": `Images of all categories of code ${index}`,
    onclick: () => change({ along: `categories:${index}` }),
  }, "▦");
  return element("div", { class: "pick" }, element("label", {}, "Category ", select), strip);
}

// Sets every control to what the code says: its own entry, or else what was drawn from the seed.
function follow(details) {
  for (const { part, name, set } of controls) {
    if (name === null) {
      const labels = Object.entries(state.code.labels ?? details?.labels ?? {});
      set(labels.sort((a, b) => b[1] - a[1])[0]?.[0] ?? "");
      continue;
    }
    const changed = state.code[part]?.[name];
    const drawn = part === "overrides" ? details?.noise[name - 1] : details?.[part]?.[name];
    set(changed ?? drawn ?? 0, changed !== undefined);
  }
}

function showStrip() {
  const { run, step, code, along, tab } = state;
  byId("strip-box").hidden = !along;
  if (!along || tab !== "sliders" || !isReady()) return;
  const [part, name] = along.split(/:(.*)/);
  const titles = {
    principal_directions: `Along direction ${name}`, overrides: `Along dimension ${name}`,
    continuous: `Along continuous code ${name}`, categories: `Categories of code ${name}`,
  };
  byId("strip-title").textContent = titles[part] ?? `Along ${words(name ?? along)}`;
  const query = { step, code, along, count: COUNT };
  const ask = () => Promise.all([bitmap(address(`runs/${run}/strip.png`, query)), json(address(`runs/${run}/strip.json`, query))]);
  view.show(`${run} ${step} ${along}`, ask, ([strip, { values, codes }]) => {
    const names = values.map((value) => rounded(value, part !== "categories"));
    const pick = (index) => change({ code: codes[index] }, { history: true });
    thumbnails(byId("strip"), strip, names, pick, { captions: names });
    mark(byId("strip"), values.indexOf(code[part]?.[name]));
  });
}
