// The panel of one picture, picked or uploaded: what the model sees in it, and attributes added and taken away.

import { View, json, path } from "./ask.js";
import { byId, element, fill, say, words } from "./element.js";
import { slider, turned } from "./slider.js";
import { facts, onTold } from "./stage.js";
import { change, listen, state } from "./state.js";

const MOST = 10 * 2 ** 20;
const reading = new View("reading", (error) => { byId("reading").textContent = ""; say(error.message, true); });
let sliders = [];

export function setup() {
  byId("upload").addEventListener("change", (event) => { upload(event.target.files[0]); event.target.value = ""; });
  byId("pick").addEventListener("click", () => pick(Number(byId("pick-row").value)));
  byId("pick-any").addEventListener("click", () => pick(Math.floor(Math.random() * facts.card.tests)));
  const zone = byId("drop");
  for (const name of ["dragover", "drop"]) zone.addEventListener(name, (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => upload(event.dataTransfer.files[0]));
  onTold(follow);
  listen((names) => { if (names.has("code")) follow(facts.code); });
}

export function build(card) {
  byId("pick-box").hidden = !card.tests;
  byId("pick-row").max = String(card.tests - 1);
  byId("pick-hint").textContent = card.real ? `Test picture 0 to ${card.tests - 1}` : `0 to ${card.tests - 1}; the data set is not at hand, so these are the model's own reconstructions`;
  const key = card.labels.length ? "labels" : "attributes";
  const names = card.labels.length ? card.labels : card.attributes;
  sliders = [];
  const rows = names.map((name) => {
    const made = slider({
      name, low: key === "labels" ? 0 : -2, high: key === "labels" ? 1 : 2, step: 0.1, signed: key !== "labels",
      move: (value) => change({ code: turned(state.code, key, name, value) }),
      back: () => change({ code: turned(state.code, key, name, undefined) }),
    });
    const nudge = (sign, amount) => element("button", {
      type: "button", class: "nudge", "aria-label": `${sign} ${words(name)}`,
      onclick: () => change({ code: card.exclusive && amount ? { ...state.code, labels: { [name]: 1 } } : turned(state.code, key, name, amount) }, { history: true }),
    }, sign);
    made.row.classList.add("edited");
    made.row.append(nudge("−", key === "labels" ? 0 : -1), nudge("+", 1));
    sliders.push({ key, name, set: made.set });
    return made.row;
  });
  byId("edit-hint").textContent = rows.length
    ? (key === "labels" ? "The generator was trained with these labels, so they are set." : "Each is a direction of the code: from the mean code of pictures without it to the mean code of those with it. What comes along with it in the data comes along here too.")
    : "There is no attribute to turn: the model has no labels, no labelled codes of test pictures are known, and simulacra edit has learnt no directions of this run.";
  fill(byId("attributes"), ...rows);
  follow(facts.code);
}

function follow(drawn) {
  for (const { key, name, set } of sliders) {
    const own = state.code[key]?.[name];
    set(own ?? drawn?.[key]?.[name] ?? 0, own !== undefined);
  }
}

function upload(file) {
  if (!file) return;
  if (file.size > MOST) { say("the picture has more than 10 MB; make it smaller first", true); return; }
  read("your picture", (options) => json(path(`runs/${state.run}/code.json`, { step: state.step }), { ...options, body: file }));
}

function pick(row) {
  read(`test picture ${row}`, (options) => json(path(`runs/${state.run}/tests/${row}/code.json`, { step: state.step }), options));
}

function read(name, ask) {
  const { run, step } = state;
  byId("reading").textContent = facts.card.encodes ? "reading …" : "looking for the code that comes nearest; this takes some seconds …";
  reading.show(async (options) => {
    const found = await ask({ view: options.view }); // no giving up after a moment: a search takes its time
    byId("reading").textContent = "";
    if (run !== state.run || step !== state.step) return; // numbers of another model
    const figure = (source, text) => element("figure", {}, element("img", { src: source, alt: text }), element("figcaption", {}, text));
    const how = found.how === "encoder" ? "what its code gives back" : "the nearest that was found";
    fill(byId("read"), figure(found.original, name), figure(found.rebuilt, `${how}, squared error ${found.error.toFixed(4)}`));
    change({ code: found.code }, { history: true });
  });
}
