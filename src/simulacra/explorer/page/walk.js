// The panel of walks: between two codes, or among four.

import { View, bitmap, json, path } from "./ask.js";
import { byId, element, fill } from "./element.js";
import { facts, glance, sentence } from "./stage.js";
import { change, listen, state } from "./state.js";
import { Player, draw, mark, thereAndBack, thumbs } from "./thumbs.js";

const FRAMES = { 2: 33, 4: 9 };
const NAMES = ["A", "B", "C", "D"];
const view = new View("walk", (error) => fill(byId("walk-grid"), error.message));
const ends = NAMES.map((name) => new View(`corner ${name}`, () => {}));
const way = { strip: null, codes: [], place: 0 };
let player;

export function setup() {
  player = new Player(byId("walk-play"), show);
  byId("walk-slider").addEventListener("input", (event) => { player.stop(); show(Number(event.target.value)); });
  byId("walk-slider").addEventListener("change", () => take(way.place));
  for (const many of [2, 4]) byId(`corners-${many}`).addEventListener("change", () => change({ corners: filled(many) }, { history: true }));
  listen((names) => {
    if (names.has("tab") && state.tab !== "walk") player.stop();
    if (["run", "step", "tab", "corners"].some((name) => names.has(name))) refresh();
  });
}

const filled = (many) => Array.from({ length: many }, (_, place) => state.corners[place] ?? (place ? { seed: 100 + place } : state.code));

export function refresh() {
  if (state.tab !== "walk" || !facts.card?.generates) return;
  if (![2, 4].includes(state.corners.length)) { change({ corners: filled(2) }); return; }
  const { run, step, corners } = state;
  const many = corners.length;
  byId(`corners-${many}`).checked = true;
  buildCorners();
  player.stop();
  view.show(async (options) => {
    const query = { step, code: corners, frames: FRAMES[many] };
    const [strip, told] = await Promise.all([bitmap(path(`runs/${run}/walk.png`, query), options), json(path(`runs/${run}/walk.json`, query))]);
    Object.assign(way, { strip, codes: told.codes, place: 0 });
    const names = told.codes.map((_, place) => (many === 2 ? `${Math.round((100 * place) / (FRAMES[2] - 1))}% from A to B` : `row ${Math.floor(place / FRAMES[4]) + 1}, column ${(place % FRAMES[4]) + 1}`));
    if (many === 4) thumbs(byId("walk-grid"), strip, names, (number) => { player.stop(); show(number); take(number); }, { columns: FRAMES[4] });
    else everyFourth(strip, names);
    byId("walk-slider").max = String(told.codes.length - 1);
    byId("walk-slider").value = "0";
    byId("walk-slider-box").hidden = many === 4;
    player.order = many === 2 ? thereAndBack(told.codes.length) : around(FRAMES[4]);
  });
}

// Of a walk of two ends, a few pictures are enough to see it; the slider has them all.
function everyFourth(strip, names) {
  const chosen = names.map((_, place) => place).filter((place) => place % 4 === 0);
  const width = strip.width / names.length;
  const few = element("canvas", { width: width * chosen.length, height: strip.height });
  chosen.forEach((place, number) => few.getContext("2d").drawImage(strip, place * width, 0, width, strip.height, number * width, 0, width, strip.height));
  thumbs(byId("walk-grid"), few, chosen.map((place) => names[place]), (number) => { player.stop(); show(chosen[number]); take(chosen[number]); });
}

function show(place) {
  if (!way.strip) return;
  way.place = place;
  glance(way.strip, place, way.codes.length);
  byId("walk-slider").value = String(place);
  byId("walk-slider").setAttribute("aria-valuetext", state.corners.length === 2 ? `${Math.round((100 * place) / (way.codes.length - 1))}% from A to B` : `picture ${place + 1}`);
  mark(byId("walk-grid"), state.corners.length === 2 ? place / 4 : place);
}

const take = (place) => { if (way.codes[place]) change({ code: way.codes[place] }); };

// The pictures at the rim of a square, clockwise.
function around(side) {
  const last = side - 1;
  const steps = Array.from({ length: last }, (_, place) => place);
  return [...steps, ...steps.map((n) => n * side + last), ...steps.map((n) => last * side + last - n), ...steps.map((n) => (last - n) * side)];
}

function buildCorners() {
  fill(byId("corners"), ...state.corners.map((code, place) => {
    const canvas = element("canvas", { role: "img", "aria-label": `Corner ${NAMES[place]}: ${sentence(code)}` });
    ends[place].show(async (options) => draw(canvas, await bitmap(path(`runs/${state.run}/picture.png`, { step: state.step, code }), options)));
    const set = (found) => change({ corners: state.corners.map((one, other) => (other === place ? found : one)) }, { history: true });
    return element("div", { class: "corner" }, element("span", { class: "corner-name" }, NAMES[place]), canvas,
      element("button", { type: "button", onclick: () => set(state.code), "aria-label": `Put the large picture at ${NAMES[place]}` }, "Put here"),
      element("button", { type: "button", class: "quiet", onclick: () => set({ seed: Math.floor(Math.random() * 1e6) }), "aria-label": `Another picture at ${NAMES[place]}` }, "Other"));
  }));
}
