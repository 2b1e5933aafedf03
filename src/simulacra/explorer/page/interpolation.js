// The panel of interpolation: between two codes, or among four.

import { byId, element, fill } from "./dom.js";
import { describe, glance, isReady } from "./picture.js";
import { View, address, bitmap, json } from "./requests.js";
import { change, listen, state } from "./state.js";
import { Player, addSaving, draw, looks, mark, thereAndBack, thumbnails } from "./thumbnails.js";

const FRAMES = { 2: 33, 4: 9 }; // images on the way between two codes; along a side of the square among four
const EVERY = 4; // of the images between two codes, every fourth has a thumbnail
const NAMES = ["A", "B", "C", "D"];
const view = new View((error) => fill(byId("interpolation-grid"), error.message));
const cornerViews = NAMES.map(() => new View(() => {}));
const current = { strip: null, codes: [], index: 0 };
let player;

export function setup() {
  player = new Player(byId("interpolation-play"), show);
  addSaving(byId("interpolation-save"), (form) => address(`runs/${state.run}/interpolation.${form}`, { ...query(), ...looks() }), () => "interpolation");
  byId("interpolation-slider").addEventListener("input", (event) => { player.stop(); show(Number(event.target.value)); });
  byId("interpolation-slider").addEventListener("change", () => use(current.index));
  for (const count of [2, 4]) {
    byId(`corners-${count}`).addEventListener("change", () => change({ corners: filled(count) }, { history: true }));
  }
  listen((names) => {
    if (names.has("tab") && state.tab !== "interpolation") player.stop();
    if (["run", "step", "tab", "corners"].some((name) => names.has(name))) refresh();
  });
}

function filled(count) {
  return Array.from({ length: count }, (_, index) => state.corners[index] ?? (index ? { seed: 100 + index } : state.code));
}

export function refresh() {
  if (state.tab !== "interpolation" || !isReady()) return;
  if (![2, 4].includes(state.corners.length)) { change({ corners: filled(2) }); return; }
  const { run, step, corners } = state;
  byId(`corners-${corners.length}`).checked = true;
  buildCorners();
  player.stop();
  const asked = query();
  const ask = () => Promise.all([
    bitmap(address(`runs/${run}/interpolation.png`, asked)), json(address(`runs/${run}/interpolation.json`, asked)),
  ]);
  view.show(`${run} ${step} ${JSON.stringify(corners)}`, ask, ([strip, { codes }]) => {
    Object.assign(current, { strip, codes, index: 0 });
    byId("interpolation-slider").max = String(codes.length - 1);
    byId("interpolation-slider").value = "0";
    byId("interpolation-slider-box").hidden = corners.length === 4;
    if (corners.length === 2) showWay();
    else showSquare();
  });
}

const query = () => ({ step: state.step, code: state.corners, frames: FRAMES[state.corners.length] });

const percent = (index) => `${Math.round((100 * index) / (current.codes.length - 1))}% from A to B`;

// A few images are enough to see the way from A to B; the slider has them all.
function showWay() {
  const { strip, codes } = current;
  const width = strip.width / codes.length;
  const chosen = [...codes.keys()].filter((index) => index % EVERY === 0);
  const few = element("canvas", { width: width * chosen.length, height: strip.height });
  const pen = few.getContext("2d");
  chosen.forEach((index, position) => pen.drawImage(strip, index * width, 0, width, strip.height, position * width, 0, width, strip.height));
  thumbnails(byId("interpolation-grid"), few, chosen.map(percent), (position) => pick(chosen[position]));
  player.order = thereAndBack(codes.length);
}

function showSquare() {
  const side = FRAMES[4];
  const names = current.codes.map((_, index) => `row ${Math.floor(index / side) + 1}, column ${(index % side) + 1}`);
  thumbnails(byId("interpolation-grid"), current.strip, names, pick, { columns: side });
  player.order = rim(side);
}

function show(index) {
  if (!current.strip) return;
  current.index = index;
  glance(current.strip, index, current.codes.length);
  const two = state.corners.length === 2;
  byId("interpolation-slider").value = String(index);
  byId("interpolation-slider").setAttribute("aria-valuetext", two ? percent(index) : `image ${index + 1}`);
  mark(byId("interpolation-grid"), two ? index / EVERY : index);
}

function pick(index) {
  player.stop();
  show(index);
  use(index);
}

function use(index) { if (current.codes[index]) change({ code: current.codes[index] }); }

// Indices of the images on the rim of a square, clockwise.
function rim(side) {
  const last = side - 1;
  const steps = [...Array(last).keys()];
  return [
    ...steps, ...steps.map((n) => n * side + last),
    ...steps.map((n) => last * side + last - n), ...steps.map((n) => (last - n) * side),
  ];
}

function buildCorners() {
  const { run, step, corners } = state;
  fill(byId("corners"), ...corners.map((code, index) => {
    const name = NAMES[index];
    const canvas = element("canvas", { role: "img", "aria-label": `Corner ${name}: ${describe(code)}` });
    const ask = () => bitmap(address(`runs/${run}/picture.png`, { step, code }));
    cornerViews[index].show(`${run} ${step} ${JSON.stringify(code)}`, ask, (image) => draw(canvas, image));
    const set = (next) => change({ corners: corners.map((corner, other) => (other === index ? next : corner)) }, { history: true });
    return element("div", { class: "corner" }, element("span", { class: "corner-name" }, name), canvas,
      element("button", { type: "button", onclick: () => set(state.code), "aria-label": `Use the large image for ${name}`, title: "Use the large image" }, "Use current"),
      element("button", { type: "button", class: "quiet", onclick: () => set({ seed: Math.floor(Math.random() * 1e6) }), "aria-label": `Use a random sample for ${name}` }, "Random"));
  }));
}
