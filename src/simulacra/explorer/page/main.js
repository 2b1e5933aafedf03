// The page as a whole: the run, the checkpoint, the tabs, and a training that is still running.

import { byId, count, dismiss, element, fill, notify } from "./dom.js";
import * as edit from "./edit.js";
import * as encoding from "./encoding.js";
import * as interpolation from "./interpolation.js";
import * as map from "./map.js";
import * as picture from "./picture.js";
import { address, json } from "./requests.js";
import * as runPanel from "./run.js";
import * as samples from "./samples.js";
import * as sliders from "./sliders.js";
import { change, hash, listen, read, state } from "./state.js";
import * as training from "./training.js";

const TABS = ["samples", "sliders", "interpolation", "map", "edit", "training", "run"];
const INTERVAL = 4000; // milliseconds between two questions whether a training has a newer checkpoint
const panels = [samples, interpolation, map, training, runPanel];
const { server } = picture;
let runs = [];
let built = ""; // what the sliders were made for
let chosen = false; // whether the run was chosen from the list, so that the code is to be fitted to it

async function start() {
  read();
  for (const part of [picture, sliders, encoding, edit, ...panels]) part.setup();
  setupTabs();
  byId("run").addEventListener("change", (event) => { chosen = true; change({ run: event.target.value, step: null }, { history: true }); });
  byId("other").addEventListener("change", (event) => change({ other: event.target.value || null }, { history: true }));
  byId("step").addEventListener("change", (event) => change({ step: event.target.value ? Number(event.target.value) : null }, { history: true }));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") dismiss(); });
  listen(async (names) => {
    if (["tab", "run", "other"].some((name) => names.has(name))) dismiss();
    if (names.has("tab")) showTab();
    if (names.has("run") || names.has("step")) await open();
    if (names.has("other")) byId("other").value = state.other ?? "";
  });
  try {
    runs = (await json("index.json")).runs;
  } catch (error) { notify(error.message, true); return; }
  listRuns();
  history.replaceState(null, "", hash()); // so that Back after the first change returns to this run
  showTab();
  await open();
  setInterval(follow, INTERVAL);
}

function listRuns() {
  const option = (run) => {
    const title = run.study ? `${run.study.run} (${run.title})` : run.title;
    return element("option", { value: run.name, disabled: !run.steps.length }, title);
  };
  const studies = [...new Set(runs.map(({ study }) => study?.name).filter(Boolean))].sort();
  const options = (listed) => [
    ...listed.filter(({ study }) => !study).map(option),
    ...studies.map((name) => listed.filter(({ study }) => study?.name === name).map(option))
      .map((group, index) => (group.length ? element("optgroup", { label: `Study ${studies[index]}` }, ...group) : null)),
  ];
  fill(byId("run"), ...options(runs));
  fill(byId("other"), element("option", { value: "" }, "no other run"), ...options(runs.filter(({ generates }) => generates)));
  byId("other-box").hidden = runs.length < 2;
  const isListed = (name) => runs.some((run) => run.name === name);
  if (!isListed(state.run)) {
    if (state.run !== null) notify(`there is no run ${state.run} here; another run is shown`, true);
    state.run = (runs.find((run) => run.steps.length) ?? runs[0]).name;
  }
  if (!isListed(state.other)) state.other = null;
}

// Asks for the card of the run and shows what depends on it.
async function open() {
  byId("run").value = state.run;
  byId("other").value = state.other ?? "";
  const { run, step } = state;
  let card = null, problem = "";
  try {
    card = await json(address(`runs/${run}.json`, { step }));
  } catch (error) {
    // A checkpoint that a link names may be deleted, as a training keeps its newest ones only.
    if (step !== null && run === state.run) {
      notify(`the newest checkpoint is shown, as ${error.message}`, true);
      change({ step: null });
      return;
    }
    problem = error.message;
  }
  if (run !== state.run || step !== state.step) return; // another run was chosen meanwhile
  server.card = card;
  if (card?.generates && chosen) fitCode(card);
  chosen = false;
  byId("controls").hidden = !card?.generates;
  byId("no-images").hidden = !card || card.generates;
  byId("problem").textContent = problem;
  byId("problem").hidden = !problem;
  if (card) showCard(card);
  if (!card?.generates) byId("description").textContent = "";
  showLacking(card?.lacking ?? {});
  picture.refresh();
  for (const panel of panels) panel.refresh();
}

function showCard(card) {
  byId("heading").textContent = card.heading;
  document.title = `${card.title}: ${card.heading} – Simulacra`;
  showSteps(card);
  // The sliders stay while a training continues: one of them may be under a finger.
  const { step, steps, state: ignored, ...abilities } = card;
  if (!card.generates || built === JSON.stringify(abilities)) return;
  built = JSON.stringify(abilities);
  sliders.build(card);
  edit.build(card);
}

// A code that was made for another run loses the parts that this model has not; a link is taken as it is.
function fitCode(card) {
  const code = picture.fitting(state.code, card), corners = state.corners.map((corner) => picture.fitting(corner, card));
  if (JSON.stringify([code, corners]) === JSON.stringify([state.code, state.corners])) return;
  notify("the code did not fit this model; what does not fit was removed");
  change({ code, corners });
}

// Dims the tabs of views that this model has nothing to show in. They can still be chosen, and their panel says why.
function showLacking(lacking) {
  for (const name of TABS) {
    const reason = lacking[name] ?? "", tab = byId(`tab-${name}`);
    byId(`lacking-${name}`).textContent = reason;
    byId(`panel-${name}`).classList.toggle("lacking", Boolean(reason));
    tab.classList.toggle("lacking", Boolean(reason));
    tab.title = reason;
  }
}

function showSteps(card) {
  const newest = card.steps.at(-1);
  const older = card.steps.slice(0, -1).reverse().map((step) => element("option", { value: String(step) }, `step ${count(step)}`));
  fill(byId("step"), element("option", { value: "" }, `newest (step ${count(newest)})`), ...older);
  byId("step").value = state.step === null || state.step === newest ? "" : String(state.step);
  byId("progress").hidden = card.state !== "running";
  byId("progress").textContent = `training: step ${count(newest)}${card.total_steps ? ` of ${count(card.total_steps)}` : ""}`;
}

// Shows the newest checkpoint of a run that is still being trained.
async function follow() {
  const { card } = server;
  if (document.hidden || (card && card.state !== "running")) return;
  try {
    const asked = state.run;
    const [run] = (await json(address("index.json", { run: asked }))).runs;
    if (asked !== state.run || (card && run.state === card.state && String(run.steps) === String(card.steps))) return;
    if (state.step === null) { await open(); return; }
    Object.assign(card, { steps: run.steps, state: run.state });
    showSteps(card);
  } catch { /* the next question may be answered */ }
}

function setupTabs() {
  for (const [index, name] of TABS.entries()) {
    const tab = byId(`tab-${name}`);
    byId(`panel-${name}`).prepend(element("p", { id: `lacking-${name}`, class: "notice" }));
    tab.setAttribute("aria-describedby", `lacking-${name}`);
    tab.addEventListener("click", () => change({ tab: name }, { history: true }));
    tab.addEventListener("keydown", (event) => {
      const next = { ArrowRight: index + 1, ArrowLeft: index - 1 + TABS.length, Home: 0, End: TABS.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      change({ tab: TABS[next % TABS.length] });
      byId(`tab-${state.tab}`).focus();
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

start();
