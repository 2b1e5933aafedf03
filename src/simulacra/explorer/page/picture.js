// The large image of the current code, and beside it the image of the same code in another run.

import { byId, element, fill, notify, rounded, words } from "./dom.js";
import { View, address, bitmap, json, save } from "./requests.js";
import { change, hash, listen, state } from "./state.js";
import { draw } from "./thumbnails.js";

// Names of codes that were not drawn from a seed: their numbers -> a name, like that of an uploaded picture.
export const codeNames = new Map();

const PAUSE = 120; // milliseconds without a move, after which the details of a code are asked for

// What the server says: `card` of the run, `code` of the current code (null until it is known).
export const server = { card: null, code: null };

// Whether the card of the run that is chosen has come, and this model generates images.
export const isReady = () => Boolean(server.card?.generates && server.card.name === state.run);

const views = {
  main: new View(failed),
  compared: new View(comparisonFailed),
  details: new View(() => {}),
};
const canvases = { main: byId("picture"), compared: byId("picture-compared") };
const callbacks = [];
let pause = 0;

// Registers a callback for the details of the current code.
export const onDetails = (callback) => callbacks.push(callback);

export function setup() {
  byId("random").addEventListener("click", random);
  byId("keep").addEventListener("change", (event) => change({ keep: event.target.checked }));
  byId("pixels").addEventListener("change", (event) => change({ pixels: event.target.checked }));
  byId("reset").addEventListener("click", () => change({ code: unchanged(state.code) }, { history: true }));
  byId("download").addEventListener("click", download);
  byId("command").addEventListener("click", copyCommand);
  byId("link").addEventListener("click", () => copy(location.href.split("#")[0] + hash(), "the link is copied"));
  listen((names) => {
    if (["code", "run", "step", "other"].some((name) => names.has(name))) refresh();
    showOptions();
  });
}

function showOptions() {
  byId("keep").checked = state.keep;
  byId("keep-box").hidden = !hasMoreThanNoise();
  byId("pixels").checked = state.pixels;
  document.body.classList.toggle("pixels", state.pixels);
}

// The same code without any change.
export function unchanged(code) {
  if (code.numbers) return { numbers: code.numbers };
  return code.noise ? { seed: code.seed, noise: code.noise } : { seed: code.seed ?? 0 };
}

// What remains of a code in a model whose codes may have other parts; the same code where all of it fits.
export function fitting(code, card) {
  const length = (values) => (Array.isArray(values) ? values.length : Math.floor((String(values).length * 3) / 16)); // base64 of 4 bytes each
  const whole = { numbers: card.width, noise: card.noise };
  const has = {
    labels: (name) => card.labels.includes(name), attributes: (name) => card.attributes.includes(name),
    categories: (index, value) => value <= (card.categorical[index - 1] ?? 0), continuous: (index) => index <= card.continuous,
    overrides: (index) => index <= card.noise, principal_directions: (index) => index <= card.principal_directions,
  };
  const kept = {};
  for (const [part, value] of Object.entries(code)) {
    if (has[part]) kept[part] = Object.fromEntries(Object.entries(value ?? {}).filter(([key, entry]) => has[part](key, entry)));
    else if (!(part in whole) || length(value) === whole[part]) kept[part] = value;
  }
  if (JSON.stringify(kept) === JSON.stringify(code)) return code;
  return { ...(kept.numbers || kept.noise ? {} : { seed: 0 }), ...withoutEmpty(kept) };
}

function hasMoreThanNoise() {
  const { labels, categorical, continuous } = server.card ?? {};
  return Boolean(labels?.length || categorical?.length || continuous);
}

export function refresh() {
  showOptions();
  byId("pictures").hidden = !server.card?.generates;
  const { run, step, code, other } = state;
  const subject = `${run} ${step}`;
  canvases.main.classList.toggle("outdated", canvases.main.dataset.subject !== subject);
  if (!isReady()) return;
  views.main.show(subject, () => bitmap(address(`runs/${run}/picture.png`, { step, code })), (image) => {
    if (run !== state.run) return; // another run was chosen meanwhile
    draw(canvases.main, image);
    canvases.main.setAttribute("aria-label", `Image of ${describe(code)}`);
    canvases.main.classList.remove("outdated");
    canvases.main.dataset.subject = subject;
    canvases.main.dataset.drawn = JSON.stringify(code); // benchmarks and tests wait for it
    byId("problem").hidden = true;
  });
  byId("compared").hidden = byId("name").hidden = !other;
  if (other) compare(run, step, code, other);
  byId("description").textContent = describe(code);
  clearTimeout(pause);
  pause = setTimeout(askForDetails, PAUSE);
}

function compare(run, step, code, other) {
  byId("name").textContent = byId("run").selectedOptions[0]?.textContent ?? run;
  byId("name-compared").textContent = byId("other").selectedOptions[0]?.textContent ?? other;
  const query = { code, like: run, like_step: step };
  views.compared.show(`${run} ${step} ${other}`, () => bitmap(address(`runs/${other}/picture.png`, query)), (image) => {
    draw(canvases.compared, image);
    canvases.compared.setAttribute("aria-label", "The same code in the other run");
    canvases.compared.hidden = false;
    byId("comparison-problem").hidden = true;
  });
}

// Shows an image of a strip for a moment, without a change of the code.
export function glance(strip, index, count) { draw(canvases.main, strip, index, count); }

function askForDetails() {
  const { run, step, code } = state;
  views.details.show(`${run} ${step}`, () => json(address(`runs/${run}/picture.json`, { step, code })), (details) => {
    server.code = details;
    byId("command-text").textContent = details.command;
    for (const callback of callbacks) callback(details);
  });
}

function random() {
  const seed = Math.floor(Math.random() * 1e6);
  if (!state.keep || !hasMoreThanNoise()) { change({ code: { seed } }, { history: true }); return; }
  // The noise stays; labels, categories and continuous codes are drawn anew.
  const { run, step } = state;
  const { exclusive } = server.card;
  views.details.show(`${run} ${step}`, () => json(address(`runs/${run}/picture.json`, { step, code: { seed } })), (drawn) => {
    const labels = exclusive ? Object.fromEntries(Object.entries(drawn.labels).filter(([, on]) => on)) : drawn.labels;
    const { categories, continuous } = drawn;
    const { overrides, principal_directions } = state.code;
    const parts = { ...unchanged(state.code), overrides, principal_directions, labels, categories, continuous };
    change({ code: withoutEmpty(parts) }, { history: true });
  });
}

function withoutEmpty(code) {
  const full = (value) => value !== undefined && (typeof value !== "object" || Object.keys(value).length);
  return Object.fromEntries(Object.entries(code).filter(([, value]) => full(value)));
}

// A code in words.
export function describe(code) {
  const parts = [code.numbers ? codeNames.get(code.numbers) ?? "custom code" : `seed ${code.seed ?? 0}`];
  const add = (key, text) => Object.entries(code[key] ?? {}).forEach(([name, value]) => parts.push(text(name, value)));
  add("labels", (name, value) => `${words(name)} ${rounded(value)}`);
  add("categories", (index, value) => `category ${index}: ${value}`);
  add("continuous", (index, value) => `continuous code ${index}: ${rounded(value, true)}`);
  add("principal_directions", (index, value) => `direction ${index}: ${rounded(value, true)}`);
  add("overrides", (index, value) => `dimension ${index}: ${rounded(value, true)}`);
  add("attributes", (name, value) => `${words(name)} ${rounded(value, true)}`);
  return parts.join(", ");
}

async function download() {
  const { run, step, code } = state;
  try {
    const name = code.numbers ? "code" : `seed-${code.seed ?? 0}`;
    await save(address(`runs/${run}/picture.png`, { step, code }), `${run}-${name}.png`);
  } catch (error) { notify(error.message, true); }
}

async function copyCommand() {
  const { run, step, code } = state;
  try {
    const { command } = await json(address(`runs/${run}/picture.json`, { step, code }));
    byId("command-text").textContent = command;
    await copy(command, "the command is copied; it writes exactly this image");
  } catch (error) { notify(error.message, true); }
}

async function copy(text, message) {
  try {
    await navigator.clipboard.writeText(text);
    notify(message);
  } catch { // browsers give no clipboard to a page from another machine without encryption
    const field = element("textarea", { readonly: "", "aria-label": "Text to copy" });
    field.value = text;
    fill(byId("copied"), field);
    field.focus();
    field.select();
    notify("copy the selected text");
  }
}

function failed(error) {
  byId("problem").textContent = error.message;
  byId("problem").hidden = false;
}

function comparisonFailed(error) {
  byId("comparison-problem").textContent = error.message;
  byId("comparison-problem").hidden = false;
  canvases.compared.hidden = true;
}
