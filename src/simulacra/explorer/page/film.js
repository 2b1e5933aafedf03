// The panel of training over time: the same code at every kept checkpoint.

import { View, bitmap, path } from "./ask.js";
import { byId, element, fill } from "./element.js";
import { facts, glance } from "./stage.js";
import { change, listen, state } from "./state.js";
import { Player, mark, thumbs } from "./thumbs.js";

const MOST = 24;
const view = new View("film", (error) => fill(byId("film-strip"), error.message));
const film = { strip: null, steps: [], place: 0 };
let player;

export function setup() {
  player = new Player(byId("film-play"), show);
  byId("film-slider").addEventListener("input", (event) => { player.stop(); show(Number(event.target.value)); });
  byId("film-slider").addEventListener("change", () => take(film.place));
  listen((names) => {
    if (names.has("tab") && state.tab !== "film") player.stop();
    if (["run", "tab", "code"].some((name) => names.has(name))) refresh();
    if (names.has("step") && film.strip) place();
  });
}

// At most 24 checkpoints, spread evenly, the first and the last among them.
function spread(steps) {
  if (steps.length <= MOST) return steps;
  return Array.from({ length: MOST }, (_, place) => steps[Math.round((place * (steps.length - 1)) / (MOST - 1))]);
}

export function refresh() {
  if (state.tab !== "film" || !facts.card?.generates) return;
  const { run, code } = state;
  const steps = spread(facts.card.steps);
  byId("film-hint").textContent = steps.length > 1
    ? "The same code at every checkpoint that was kept. Keep more of them with --set every.keep=0 when you train."
    : "This run kept one checkpoint. Train with --set every.keep=0 to keep them all.";
  player.stop();
  view.show(async (options) => {
    const [width, height] = facts.card.size;
    const strip = element("canvas", { width: width * steps.length, height });
    for (const [place, step] of steps.entries()) {
      const image = await bitmap(path(`runs/${run}/picture.png`, { step, code }), options);
      strip.getContext("2d").drawImage(image, place * width, 0);
      byId("film-progress").textContent = place + 1 < steps.length ? `${place + 1} of ${steps.length}` : "";
    }
    Object.assign(film, { strip, steps });
    thumbs(byId("film-strip"), strip, steps.map((step) => `Step ${step.toLocaleString("en")}`), (number) => { player.stop(); take(number); }, { captions: true });
    byId("film-slider").max = String(steps.length - 1);
    player.order = [...steps.keys(), ...Array(8).fill(steps.length - 1)];
    place();
  });
}

function place() {
  const wanted = state.step ?? film.steps.at(-1);
  film.place = Math.max(0, film.steps.indexOf(wanted));
  byId("film-slider").value = String(film.place);
  mark(byId("film-strip"), film.place);
  tell();
}

function show(number) {
  if (!film.strip) return;
  film.place = number;
  glance(film.strip, number, film.steps.length);
  byId("film-slider").value = String(number);
  mark(byId("film-strip"), number);
  tell();
}

function tell() {
  const text = `step ${film.steps[film.place]?.toLocaleString("en") ?? ""}`;
  byId("film-step").textContent = text;
  byId("film-slider").setAttribute("aria-valuetext", text);
}

const take = (number) => {
  const step = film.steps[number];
  change({ step: step === facts.card.steps.at(-1) ? null : step });
};
