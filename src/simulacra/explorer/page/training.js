// The panel of the training: the same code at every checkpoint that was kept.

import { byId, count, element, fill } from "./dom.js";
import { glance, isReady, server } from "./picture.js";
import { View, address, bitmap } from "./requests.js";
import { change, listen, state } from "./state.js";
import { Player, addSaving, looks, mark, thumbnails } from "./thumbnails.js";

const MOST = 24; // checkpoints that are shown
const FRAME = 200; // milliseconds
const REST = 5; // times that the last image is repeated before the film begins again
const view = new View((error) => fill(byId("training-strip"), error.message));
const film = { strip: null, steps: [], index: 0 };
let player;

export function setup() {
  player = new Player(byId("training-play"), show, FRAME);
  addSaving(byId("training-save"), (form) => address(`runs/${state.run}/training.${form}`, { at: film.steps, code: state.code, ...looks() }), () => "training");
  byId("training-slider").addEventListener("input", (event) => { player.stop(); show(Number(event.target.value)); });
  byId("training-slider").addEventListener("change", () => use(film.index));
  listen((names) => {
    if (names.has("tab") && state.tab !== "training") player.stop();
    if (["run", "tab", "code"].some((name) => names.has(name))) refresh();
    if (names.has("step") && film.strip) showCurrent();
  });
}

// At most 24 checkpoints, evenly spread, with the first and the last one.
function spread(steps) {
  if (steps.length <= MOST) return steps;
  return Array.from({ length: MOST }, (_, index) => steps[Math.round((index * (steps.length - 1)) / (MOST - 1))]);
}

export function refresh() {
  player.stop();
  if (state.tab !== "training" || !isReady() || server.card.lacking.training) return;
  const { run, code } = state;
  const steps = spread(server.card.steps);
  view.show(`${run} ${JSON.stringify(code)}`, (replaced) => pictures(run, code, steps, replaced), (strip) => {
    Object.assign(film, { strip, steps });
    const captions = steps.map(count);
    thumbnails(byId("training-strip"), strip, captions.map((step) => `Step ${step}`), (index) => { player.stop(); use(index); }, { captions });
    byId("training-slider").max = String(steps.length - 1);
    player.order = [...steps.keys(), ...Array(REST).fill(steps.length - 1)];
    showCurrent();
  });
}

// A strip of the images at all steps, asked for one after the other until the request is replaced.
async function pictures(run, code, steps, replaced) {
  const [width, height] = server.card.size;
  const strip = element("canvas", { width: width * steps.length, height });
  for (const [index, step] of steps.entries()) {
    if (replaced()) break;
    byId("training-progress").textContent = `${index + 1} of ${steps.length}`;
    strip.getContext("2d").drawImage(await bitmap(address(`runs/${run}/picture.png`, { step, code })), index * width, 0);
  }
  byId("training-progress").textContent = "";
  return strip;
}

// Marks the checkpoint that the page shows.
function showCurrent() {
  film.index = Math.max(0, film.steps.indexOf(state.step ?? film.steps.at(-1)));
  showStep();
}

function show(index) {
  if (!film.strip) return;
  film.index = index;
  glance(film.strip, index, film.steps.length);
  showStep();
}

function showStep() {
  const text = film.steps.length ? `step ${count(film.steps[film.index])}` : "";
  byId("training-slider").value = String(film.index);
  byId("training-step").textContent = text;
  byId("training-slider").setAttribute("aria-valuetext", text);
  mark(byId("training-strip"), film.index);
}

function use(index) {
  const step = film.steps[index];
  change({ step: step === server.card.steps.at(-1) ? null : step });
}
