// The panel of sliders: labels, categories, continuous codes, principal directions, single numbers.

import { View, bitmap, json, path } from "./ask.js";
import { byId, element, fill, shown, words } from "./element.js";
import { slider, turned } from "./slider.js";
import { facts, onTold } from "./stage.js";
import { change, listen, state } from "./state.js";
import { mark, thumbs } from "./thumbs.js";

const SHOWN = 12; // single numbers of the code at first
const strips = new View("strip", (error) => fill(byId("strip"), error.message));
let sliders = []; // { key, place, set }
let more = false;

export function setup() {
  onTold(follow);
  listen((names) => {
    if (names.has("code")) follow(facts.code);
    if (["code", "run", "step", "along", "tab"].some((name) => names.has(name))) showStrip();
  });
}

// The sliders of a run; called with its card when another run or checkpoint is chosen.
export function build(card) {
  sliders = [];
  const groups = [];
  if (card.labels.length) groups.push(group("Labels", "What the generator is told.", card.exclusive ? [classes(card)] : card.labels.map((name) => one("labels", name, name, { low: 0, high: 1 }))));
  card.categorical.forEach((ways, place) => groups.push(group(`Categorical code ${place + 1}`, null, [categories(place + 1, ways)])));
  if (card.continuous) groups.push(group("Continuous codes", "Drawn from −1 to 1 in training.", range(card.continuous).map((place) => one("continuous", place, `Code ${place}`, { low: -2, high: 2, signed: true }))));
  if (card.turns) groups.push(group("Principal directions", "Along the first the picture changes most. They are added to the noise.", range(card.turns).map((place) => one("turns", place, `Direction ${place}`, { low: -5, high: 5, signed: true }))));
  const order = card.worth.length ? card.worth.map(([place]) => place) : range(card.noise);
  const few = more ? order : order.slice(0, SHOWN);
  const worth = Object.fromEntries(card.worth);
  const numbers = few.map((place) => one("set", place, worth[place] === undefined ? `Number ${place}` : `Number ${place}, ${card.worth_is} ${shown(worth[place])}`, { low: -3, high: 3, signed: true }));
  const hint = card.worth.length ? card.worth_is === "KL" ? "By how many nats they tell of test pictures (KL); near 0 carries nothing." : "By how much they vary over test pictures; a spread near 0 carries nothing." : "One of the noise each.";
  const rest = order.length > few.length ? element("button", { type: "button", onclick: () => { more = true; build(facts.card); } }, `Show all ${order.length}`) : null;
  const single = element("details", { class: "group", open: card.encodes }, element("summary", {}, "Single numbers"), element("p", { class: "hint" }, hint), ...numbers, rest);
  fill(byId("sliders"), ...groups, single);
  follow(facts.code);
  showStrip();
}

const range = (count) => Array.from({ length: count }, (_, place) => place + 1);

function group(title, hint, rows) {
  return element("fieldset", { class: "group" }, element("legend", {}, title), hint && element("p", { class: "hint" }, hint), ...rows);
}

function one(key, place, name, { low, high, signed = false }) {
  const made = slider({
    name: String(name), low, high, signed,
    move: (value) => change({ code: turned(state.code, key, place, value) }),
    back: () => change({ code: turned(state.code, key, place, undefined) }),
    strip: () => change({ along: `${key}:${place}` }),
  });
  sliders.push({ key, place, set: made.set });
  return made.row;
}

function classes(card) {
  const select = element("select", { onchange: () => change({ code: { ...state.code, labels: { [select.value]: 1 } } }) }, ...card.labels.map((name) => element("option", { value: name }, words(name))));
  sliders.push({ key: "labels", place: null, set: (value) => { select.value = value; } });
  return element("div", { class: "pick" }, element("label", {}, "Class ", select));
}

function categories(place, ways) {
  const select = element("select", { onchange: () => change({ code: turned(state.code, "categories", place, Number(select.value)) }) }, ...range(ways).map((value) => element("option", { value: String(value) }, String(value))));
  sliders.push({ key: "categories", place, set: (value) => { select.value = String(value); } });
  const strip = element("button", { type: "button", class: "quiet", title: "All of them", "aria-label": `All categories of code ${place}`, onclick: () => change({ along: `categories:${place}` }) }, "▦");
  return element("div", { class: "pick" }, element("label", {}, "Category ", select), strip);
}

// Every slider where the code stands: what is turned in it, or else what was drawn.
function follow(drawn) {
  for (const { key, place, set } of sliders) {
    const own = state.code[key]?.[place];
    const beneath = key === "set" ? drawn?.noise[place - 1] : drawn?.[key]?.[place];
    if (place === null) set(Object.entries(state.code.labels ?? drawn?.labels ?? {}).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "");
    else set(own ?? beneath ?? 0, own !== undefined);
  }
}

function showStrip() {
  const { run, step, code, along, tab } = state;
  byId("strip-box").hidden = !along;
  if (!along || tab !== "sliders" || !facts.card?.generates) return;
  const [key, place] = along.split(/:(.*)/);
  byId("strip-name").textContent = { turns: `Along direction ${place}`, set: `Along number ${place}`, labels: `Along ${words(place)}`, continuous: `Along code ${place}`, categories: `Categories of code ${place}`, attributes: `Along ${words(place)}` }[key] ?? along;
  strips.show(async (options) => {
    const query = { step, code, along, count: 9 };
    const [strip, told] = await Promise.all([bitmap(path(`runs/${run}/strip.png`, query), options), json(path(`runs/${run}/strip.json`, query))]);
    thumbs(byId("strip"), strip, told.values.map((value) => shown(value, key !== "categories")), (number) => change({ code: told.codes[number] }, { history: true }), { captions: true });
    mark(byId("strip"), told.values.indexOf(code[key]?.[place]));
  });
}
