// Pictures that the model encodes: an upload or a test image. Edit and Map show the same one.

import { element, fill, notify, words } from "./dom.js";
import { codeNames, server } from "./picture.js";
import { View, address, json } from "./requests.js";
import { change, listen, state } from "./state.js";

const MOST = 10 * 2 ** 20; // bytes of an upload
const callbacks = [];
const view = new View((error) => failed(error));
let chosen = null; // { name, path, body } of the picture that was chosen last; a test image has no body
let newest = null; // the picture that was encoded last, as `encoded` gives it
let busy = false;

export function setup() {
  listen((names) => {
    if (names.has("run") && !chosen?.body) chosen = null; // another run may have other test images
    if (names.has("run") || names.has("step")) showChosen();
  });
}

// Registers a callback for a newly encoded picture.
export const onEncoded = (callback) => callbacks.push(callback);

// The picture that was encoded last, where the model that is shown did it: { name, code, original, reconstruction, ... }.
export const encoded = () => (newest?.run === state.run && newest.step === state.step ? newest : null);

export function encodeUpload(file) {
  if (!file) return;
  if (file.size > MOST) { notify(`the picture ${file.name} has more than 10 MB; make it smaller first`, true); return; }
  encode({ name: file.name, path: "code.json", body: file });
}

export function encodeTestImage(index) {
  encode({ name: `test image ${index}`, path: `test-pictures/${index}/code.json` });
}

// Lets a file input and a region where files are dropped upload a picture.
export function acceptUploads(input, region) {
  input.addEventListener("change", () => { encodeUpload(input.files[0]); input.value = ""; });
  for (const name of ["dragover", "drop"]) region.addEventListener(name, (event) => event.preventDefault());
  region.addEventListener("drop", (event) => encodeUpload(event.dataTransfer.files[0]));
}

function encode(picture) {
  const { run, step } = state;
  Object.assign(picture, { name: words(picture.name) });
  chosen = picture;
  busy = true;
  showChosen();
  const ask = () => json(address(`runs/${run}/${picture.path}`, { step }), picture.body);
  view.show(`${run} ${step} ${picture.name}`, ask, (answer) => {
    busy = false;
    if (run === state.run && step === state.step) {
      codeNames.set(answer.code.numbers, picture.name);
      newest = { run, step, name: picture.name, picture, ...answer };
      change({ code: answer.code }, { history: true });
      for (const callback of callbacks) callback();
    } // else the code belongs to another model
    showChosen();
  });
}

function failed(error) {
  notify(`the picture ${chosen?.name} was not used: ${error.message}`, true);
  chosen = encoded()?.picture ?? null;
  busy = false;
  showChosen();
}

// The name of the chosen picture, and what becomes of it.
function showChosen() {
  const isOpen = chosen && !busy && encoded()?.picture !== chosen;
  const waiting = server.card?.encodes ? "is being encoded …" : "is being inverted: the model has no encoder, so its code is searched, which takes some seconds …";
  for (const line of document.querySelectorAll(".encoding")) {
    fill(line, chosen && element("span", { role: "status" }, element("strong", {}, chosen.name), busy ? ` ${waiting}` : ""),
      isOpen ? element("button", { type: "button", onclick: () => encode(chosen) }, "Encode with this model") : null);
  }
}
