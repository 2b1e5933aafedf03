// The panel of samples: codes of many seeds, none picked by hand.

import { View, bitmap, path } from "./ask.js";
import { byId, fill } from "./element.js";
import { facts } from "./stage.js";
import { change, listen, state } from "./state.js";
import { mark, thumbs } from "./thumbs.js";

const COUNT = 24;
const view = new View("samples", (error) => fill(byId("sample-grid"), error.message));

export function setup() {
  byId("more-samples").addEventListener("click", () => change({ samples: state.samples + COUNT }, { history: true }));
  byId("fewer-samples").addEventListener("click", () => change({ samples: Math.max(0, state.samples - COUNT) }, { history: true }));
  listen((names) => {
    if (["run", "step", "tab", "samples"].some((name) => names.has(name))) refresh();
    if (names.has("code")) show();
  });
}

export function refresh() {
  if (state.tab !== "samples" || !facts.card?.generates) return;
  const { run, step, samples } = state;
  byId("fewer-samples").disabled = !samples;
  byId("samples-from").textContent = `Seeds ${samples} to ${samples + COUNT - 1}`;
  view.show(async (options) => {
    const strip = await bitmap(path(`runs/${run}/samples.png`, { step, seed: samples, count: COUNT }), options);
    thumbs(byId("sample-grid"), strip, Array.from({ length: COUNT }, (_, place) => `Seed ${samples + place}`), (number) => change({ code: { seed: samples + number } }, { history: true }));
    show();
  });
}

function show() { mark(byId("sample-grid"), JSON.stringify(Object.keys(state.code)) === '["seed"]' ? state.code.seed - state.samples : -1); }
