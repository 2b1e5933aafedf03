// The page as a whole: which run, which checkpoint, which panel; and a training that goes on.

import { json, path } from "./ask.js";
import { byId, element, fill, say } from "./element.js";
import * as edit from "./edit.js";
import * as film from "./film.js";
import * as map from "./map.js";
import * as samples from "./samples.js";
import * as sliders from "./sliders.js";
import * as stage from "./stage.js";
import { address, change, listen, read, state } from "./state.js";
import * as told from "./told.js";
import * as walk from "./walk.js";

const TABS = ["samples", "sliders", "walk", "map", "edit", "film", "run"];
const LOOK = 4000; // milliseconds between two looks at a run that is being trained
const panels = [samples, walk, map, film, told];
let runs = [];
let built = ""; // what the sliders were made for

async function begin() {
  read();
  for (const part of [stage, sliders, edit, ...panels]) part.setup();
  setupTabs();
  byId("run").addEventListener("change", (event) => change({ run: event.target.value, step: null }, { history: true }));
  byId("other").addEventListener("change", (event) => change({ other: event.target.value || null }, { history: true }));
  byId("step").addEventListener("change", (event) => change({ step: event.target.value ? Number(event.target.value) : null }, { history: true }));
  listen(async (names) => {
    if (names.has("tab")) showTab();
    if (names.has("run") || names.has("step")) await open(names.has("run"));
    if (names.has("other")) byId("other").value = state.other ?? "";
  });
  try {
    runs = (await json("index.json")).runs;
  } catch (error) { say(error.message, true); return; }
  const options = () => runs.map((run) => element("option", { value: run.name, disabled: !run.steps.length }, run.title));
  fill(byId("run"), ...options());
  fill(byId("other"), element("option", { value: "" }, "nothing"), ...options());
  byId("other-box").hidden = runs.length < 2;
  const usable = runs.find((run) => run.steps.length) ?? runs[0];
  if (state.run !== null && !runs.some((run) => run.name === state.run)) say(`there is no run ${state.run} here; this is another one`, true);
  if (!runs.some((run) => run.name === state.run)) state.run = usable.name;
  if (!runs.some((run) => run.name === state.other)) state.other = null;
  history.replaceState(null, "", address()); // so that Back from the first change finds this run again
  showTab();
  await open(true);
  setInterval(look, LOOK);
}

// Fetches the card of the run and builds what hangs on it.
async function open(fresh) {
  byId("run").value = state.run;
  byId("other").value = state.other ?? "";
  try {
    stage.facts.card = await json(path(`runs/${state.run}.json`, { step: state.step }));
  } catch (error) {
    // A checkpoint that a link names may be gone, as a training keeps its newest ones only.
    if (state.step !== null) { say(`${error.message}; this is the newest checkpoint`, true); change({ step: null }); return; }
    stage.facts.card = null;
    byId("works").hidden = true;
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
    return;
  }
  const card = stage.facts.card;
  document.title = `${card.title} – Simulacra`;
  showSteps(card);
  byId("works").hidden = !card.generates;
  byId("problem").hidden = card.generates;
  byId("problem").textContent = card.generates ? "" : "This model makes no images; its curves and scores are under Run.";
  // Sliders stay as they are while a training goes on, so that none is lost under somebody's finger.
  const { step, steps, state: doing, ...abilities } = card;
  if (card.generates && built !== JSON.stringify(abilities)) {
    built = JSON.stringify(abilities);
    sliders.build(card);
    edit.build(card);
  }
  if (fresh) fill(byId("read"));
  stage.refresh();
  for (const panel of panels) panel.refresh();
}

function showSteps(card) {
  const newest = card.steps.at(-1);
  fill(byId("step"), element("option", { value: "" }, `newest (${newest.toLocaleString("en")})`), ...card.steps.slice(0, -1).reverse().map((step) => element("option", { value: String(step) }, step.toLocaleString("en"))));
  byId("step").value = state.step === null || state.step === newest ? "" : String(state.step);
  byId("training").hidden = card.state !== "running";
  byId("training").textContent = `training: step ${newest.toLocaleString("en")} of ${card.of.toLocaleString("en")}`;
}

// A run that is still being trained: its newest checkpoint is shown as soon as it is there.
async function look() {
  const card = stage.facts.card;
  if (document.hidden || (card && card.state !== "running")) return;
  try {
    const found = (await json("index.json")).runs.find((run) => run.name === state.run);
    if (!found || (card && found.state === card.state && String(found.steps) === String(card.steps))) return;
    if (state.step === null) await open(false);
    else { Object.assign(card, { steps: found.steps, state: found.state }); showSteps(card); }
  } catch { /* the next look may find it again */ }
}

function setupTabs() {
  for (const [place, name] of TABS.entries()) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => change({ tab: name }, { history: true }));
    tab.addEventListener("keydown", (event) => {
      const way = { ArrowRight: place + 1, ArrowLeft: place - 1 + TABS.length, Home: 0, End: TABS.length - 1 }[event.key];
      if (way === undefined) return;
      event.preventDefault();
      const next = TABS[way % TABS.length];
      change({ tab: next });
      byId(`tab-${next}`).focus();
    });
  }
}

function showTab() {
  if (!TABS.includes(state.tab)) state.tab = TABS[0];
  for (const name of TABS) {
    const chosen = name === state.tab;
    byId(`tab-${name}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${name}`).tabIndex = chosen ? 0 : -1;
    byId(`panel-${name}`).hidden = !chosen;
  }
}

begin();
