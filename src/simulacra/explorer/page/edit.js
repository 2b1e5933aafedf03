// The panel of one picture: its reconstruction by the model, and attributes to add and remove.

import { byId, element, fill, words } from "./dom.js";
import { acceptUploads, encodeTestImage, encoded, onEncoded } from "./encoding.js";
import { onDetails, server } from "./picture.js";
import { slider, withEntry } from "./slider.js";
import { change, listen, state } from "./state.js";

const HINTS = {
  labels: "The generator was trained with these labels, so they are set directly.",
  attributes: "Each slider moves the code along an attribute vector: the mean code of images with the attribute minus the mean code of "
    + "images without it. Attributes that often occur together in the data change together.",
  none: "There are no attributes to change. The model was not trained with labels, its test images have no labels at hand, and "
    + "simulacra edit has not learned attribute vectors for this run.",
};
let sliders = []; // { part, name, set }

export function setup() {
  acceptUploads(byId("upload"), byId("drop"));
  byId("use-test-picture").addEventListener("click", () => encodeTestImage(Number(byId("test-picture").value)));
  byId("random-test-picture").addEventListener("click", () => encodeTestImage(Math.floor(Math.random() * server.card.test_pictures)));
  onEncoded(showPictures);
  onDetails(follow);
  listen((names) => {
    if (names.has("code")) follow(server.code);
    if (names.has("run") || names.has("step")) showPictures();
  });
}

// Makes the sliders of a run.
export function build(card) {
  const last = card.test_pictures - 1;
  byId("test-picture-box").hidden = !card.test_pictures;
  byId("test-picture").max = String(last);
  byId("test-picture-hint").textContent = card.has_data ? `0 to ${last}` : `0 to ${last}; the data set was not found, so reconstructions are used`;
  const part = card.labels.length ? "labels" : "attributes";
  sliders = [];
  const rows = (card.labels.length ? card.labels : card.attributes).map((name) => attributeRow(card, part, name));
  byId("edit-hint").textContent = rows.length ? HINTS[part] : HINTS.none;
  fill(byId("attributes"), ...rows);
  follow(server.code);
}

function attributeRow(card, part, name) {
  const isLabel = part === "labels";
  const [low, high] = isLabel ? [0, 1] : [-2, 2];
  const { row, set } = slider({
    name, low, high, step: 0.1, signed: !isLabel,
    move: (value) => change({ code: withEntry(state.code, part, name, value) }),
    reset: () => change({ code: withEntry(state.code, part, name, undefined) }),
  });
  const button = (sign, verb, amount) => element("button", {
    type: "button", class: "amount", "aria-label": `${verb} ${words(name)}`, title: verb,
    onclick: () => {
      const oneClass = card.exclusive && amount; // of classes, one is set and the others are not
      change({ code: oneClass ? { ...state.code, labels: { [name]: 1 } } : withEntry(state.code, part, name, amount) }, { history: true });
    },
  }, sign);
  row.classList.add("attribute");
  row.append(button("−", "Remove", isLabel ? 0 : -1), button("+", "Add", 1));
  sliders.push({ part, name, set });
  return row;
}

function follow(details) {
  for (const { part, name, set } of sliders) {
    const changed = state.code[part]?.[name];
    set(changed ?? details?.[part]?.[name] ?? 0, changed !== undefined);
  }
}

function showPictures() {
  const picture = encoded();
  if (!picture) { fill(byId("encoded")); return; }
  const figure = (source, text) => element("figure", {}, element("img", { src: source, alt: text }), element("figcaption", {}, text));
  const name = picture.method === "encoder" ? "reconstruction" : "inversion, the most similar image that was found";
  fill(byId("encoded"), figure(picture.original, picture.name), figure(picture.reconstruction, `${name}, mean squared error ${picture.squared_error.toFixed(4)}`));
}
