// The panel of samples: one sample per seed, none selected by hand.

import { byId, fill } from "./dom.js";
import { isReady } from "./picture.js";
import { View, address, bitmap } from "./requests.js";
import { change, listen, state } from "./state.js";
import { mark, thumbnails } from "./thumbnails.js";

const COUNT = 24;
const view = new View((error) => fill(byId("sample-grid"), error.message));

export function setup() {
  byId("next-samples").addEventListener("click", () => change({ samples: state.samples + COUNT }, { history: true }));
  byId("previous-samples").addEventListener("click", () => change({ samples: Math.max(0, state.samples - COUNT) }, { history: true }));
  listen((names) => {
    if (["run", "step", "tab", "samples"].some((name) => names.has(name))) refresh();
    if (names.has("code")) markCurrent();
  });
}

export function refresh() {
  if (state.tab !== "samples" || !isReady()) return;
  const { run, step, samples } = state;
  byId("previous-samples").disabled = !samples;
  byId("samples-range").textContent = `Seeds ${samples} to ${samples + COUNT - 1}`;
  const names = Array.from({ length: COUNT }, (_, index) => `Seed ${samples + index}`);
  const query = { step, seed: samples, count: COUNT };
  view.show(`${run} ${step} ${samples}`, () => bitmap(address(`runs/${run}/samples.png`, query)), (strip) => {
    thumbnails(byId("sample-grid"), strip, names, (index) => change({ code: { seed: samples + index } }, { history: true }));
    markCurrent();
  });
}

function markCurrent() {
  const onlySeed = Object.keys(state.code).join() === "seed";
  mark(byId("sample-grid"), onlySeed ? state.code.seed - state.samples : -1);
}
