// The large picture, or two side by side: what the code that is turned looks like.

import { View, bitmap, json, path } from "./ask.js";
import { byId, element, fill, say, shown, words } from "./element.js";
import { address, change, listen, state } from "./state.js";
import { draw } from "./thumbs.js";

const main = { view: new View("main", failed), canvas: byId("picture") };
const beside = { view: new View("beside", besideFailed), canvas: byId("picture-beside") };
const told = new View("told", () => {});
export const facts = { code: null, card: null }; // what the server says of the code, and of the run
const whenTold = [];
let pause = 0;

export const onTold = (callback) => whenTold.push(callback);

export function setup() {
  byId("shuffle").addEventListener("click", shuffle);
  byId("keep").addEventListener("change", (event) => change({ keep: event.target.checked }));
  byId("pixels").addEventListener("change", (event) => change({ pixels: event.target.checked }));
  byId("reset").addEventListener("click", () => change({ code: bare(state.code) }, { history: true }));
  byId("download").addEventListener("click", download);
  byId("command").addEventListener("click", copyCommand);
  byId("link").addEventListener("click", () => copy(location.href.split("#")[0] + address(), "the link is copied"));
  listen((names) => {
    if (["code", "run", "step", "other"].some((name) => names.has(name))) refresh();
    mirror();
  });
}

// The boxes and the look of the pictures, as the state has them.
function mirror() {
  byId("keep").checked = state.keep;
  byId("pixels").checked = state.pixels;
  document.body.classList.toggle("pixels", state.pixels);
}

// The same code with nothing turned.
export const bare = (code) => (code.numbers ? { numbers: code.numbers } : code.noise ? { seed: code.seed, noise: code.noise } : { seed: code.seed ?? 0 });

export function refresh() {
  mirror();
  if (!facts.card?.generates) return;
  const { run, step, code, other } = state;
  main.view.show(async (options) => {
    const image = await bitmap(path(`runs/${run}/picture.png`, { step, code }), options);
    draw(main.canvas, image);
    main.canvas.setAttribute("aria-label", `Picture of ${sentence(code)}`);
    main.canvas.dataset.drawn = JSON.stringify(code); // benchmarks and tests wait for it
    byId("problem").hidden = true;
  });
  byId("beside").hidden = byId("name").hidden = !other;
  byId("name").textContent = byId("run").selectedOptions[0]?.textContent ?? run;
  byId("name-beside").textContent = byId("other").selectedOptions[0]?.textContent ?? other;
  if (other) {
    beside.view.show(async (options) => {
      const query = { code, like: run, like_step: step };
      draw(beside.canvas, await bitmap(path(`runs/${other}/picture.png`, query), options));
      beside.canvas.setAttribute("aria-label", `The same code in the other run`);
      byId("beside-problem").hidden = true;
      beside.canvas.hidden = false;
    });
  }
  byId("says").textContent = sentence(code);
  clearTimeout(pause);
  pause = setTimeout(learn, 120);
}

// Shows another picture for a moment, of a walk or a film, without a change of code.
export function glance(strip, place, count) { draw(main.canvas, strip, place, count); }

function learn() {
  const { run, step, code } = state;
  told.show(async (options) => {
    facts.code = await json(path(`runs/${run}/picture.json`, { step, code }), options);
    byId("command-text").textContent = facts.code.command;
    for (const callback of whenTold) callback(facts.code);
  });
}

function shuffle() {
  const seed = Math.floor(Math.random() * 1e6);
  if (!state.keep) { change({ code: { seed } }, { history: true }); return; }
  // The noise stays, and all else is drawn anew.
  const { run, step } = state;
  const { labels: names, categorical, continuous: count } = facts.card;
  if (!names.length && !categorical.length && !count) {
    say("this model has nothing but noise: while it is kept, there is nothing to shuffle");
    return;
  }
  told.show(async (options) => {
    const drawn = await json(path(`runs/${run}/picture.json`, { step, code: { seed } }), options);
    const exact = state.code.numbers ? { numbers: state.code.numbers } : bare(state.code);
    const { labels, categories, continuous } = drawn;
    const others = { labels: chosenOf(labels), categories, continuous };
    const { set, turns } = state.code;
    change({ code: tidy({ ...exact, set, turns, ...others }) }, { history: true });
  });
}

const chosenOf = (labels) => (facts.card.exclusive ? Object.fromEntries(Object.entries(labels).filter(([, on]) => on)) : labels);

// Leaves out what is empty.
export const tidy = (code) => Object.fromEntries(Object.entries(code).filter(([, value]) => value !== undefined && (typeof value !== "object" || Object.keys(value).length)));

export function sentence(code) {
  const parts = [code.numbers ? "a code of its own" : `seed ${code.seed ?? 0}`];
  for (const [name, value] of Object.entries(code.labels ?? {})) parts.push(`${words(name)} ${shown(value)}`);
  for (const [place, value] of Object.entries(code.categories ?? {})) parts.push(`category ${place}: ${value}`);
  for (const [place, value] of Object.entries(code.continuous ?? {})) parts.push(`code ${place}: ${shown(value, true)}`);
  for (const [place, value] of Object.entries(code.turns ?? {})) if (value) parts.push(`direction ${place}: ${shown(value, true)}`);
  for (const [place, value] of Object.entries(code.set ?? {})) parts.push(`number ${place}: ${shown(value, true)}`);
  for (const [name, value] of Object.entries(code.attributes ?? {})) if (value) parts.push(`${shown(value, true)} ${words(name)}`);
  return parts.join(", ");
}

async function download() {
  const { run, step, code } = state;
  try {
    const answer = await fetch(path(`runs/${run}/picture.png`, { step, code }));
    if (!answer.ok) throw new Error((await answer.json()).error);
    const place = URL.createObjectURL(await answer.blob());
    const seed = code.numbers ? "code" : `seed-${code.seed ?? 0}`;
    element("a", { href: place, download: `${run}-${seed}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(place), 10000);
  } catch (error) { say(error.message, true); }
}

async function copyCommand() {
  const { run, step, code } = state;
  try {
    const { command } = await json(path(`runs/${run}/picture.json`, { step, code }));
    byId("command-text").textContent = command;
    await copy(command, "the command is copied; it writes these very pixels");
  } catch (error) { say(error.message, true); }
}

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch { // no clipboard where the page is not from this machine
    const field = element("textarea", { readonly: "", "aria-label": "Copy this" });
    field.value = text;
    fill(byId("copied"), field);
    field.focus();
    field.select();
    say("copy the text that is marked");
  }
}

function failed(error) {
  byId("problem").textContent = error.message;
  byId("problem").hidden = false;
}

function besideFailed(error) {
  byId("beside-problem").textContent = error.message;
  byId("beside-problem").hidden = false;
  beside.canvas.hidden = true;
}

