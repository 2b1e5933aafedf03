// Pictures that the model encodes: an upload or a test picture. Edit and Map show the same one.

import { notify, words } from "./dom.js";
import { codeNames, server } from "./picture.js";
import { View, address, json } from "./requests.js";
import { change, state } from "./state.js";

const MOST = 10 * 2 ** 20; // bytes of an upload
const view = new View((error) => { say(""); notify(error.message, true); });
const callbacks = [];
let newest = null;

// Registers a callback for a newly encoded picture.
export const onEncoded = (callback) => callbacks.push(callback);

// The picture that was encoded last by the model that is shown: { name, code, original, reconstruction, ... } or null.
export const encoded = () => (newest?.run === state.run && newest.step === state.step ? newest : null);

export function encodeUpload(file) {
  if (!file) return;
  if (file.size > MOST) { notify("the picture has more than 10 MB; make it smaller first", true); return; }
  encode(file.name, address(`runs/${state.run}/code.json`, { step: state.step }), file);
}

export function encodeTestPicture(index) {
  encode(`test picture ${index}`, address(`runs/${state.run}/test-pictures/${index}/code.json`, { step: state.step }));
}

// Lets a file input and a region where files are dropped upload a picture.
export function acceptUploads(input, region) {
  input.addEventListener("change", () => { encodeUpload(input.files[0]); input.value = ""; });
  for (const name of ["dragover", "drop"]) region.addEventListener(name, (event) => event.preventDefault());
  region.addEventListener("drop", (event) => encodeUpload(event.dataTransfer.files[0]));
}

function encode(name, url, body) {
  const { run, step } = state;
  say(server.card.encodes ? "encoding …" : "searching for the most similar picture that the model can make; this takes some seconds …");
  view.show(`${run} ${step} ${name}`, () => json(url, body), (answer) => {
    say("");
    if (run !== state.run || step !== state.step) return; // the code belongs to another model
    codeNames.set(answer.code.numbers, words(name));
    newest = { run, step, name: words(name), ...answer };
    change({ code: answer.code }, { history: true });
    for (const callback of callbacks) callback();
  });
}

function say(text) { document.querySelectorAll(".encoding").forEach((line) => { line.textContent = text; }); }
