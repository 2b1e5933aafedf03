// The page: reads config.json, builds a control for every part of the code, and draws what the model makes of it.

import { drawNoise, join, stream, toPixels } from "./codes.js";

const OTHERS = 8; // small pictures
const SINGLE = 24; // noise values that get a slider of their own
const $ = (id) => document.getElementById(id);

export const shown = {}; // the code and the pixels on the large canvas, for who looks from outside
const state = { seed: 1, noise: null, others: [], spread: 1, labels: [], categories: [], continuous: [] };
let model, session, runtime;
let wanted = false;
let busy = false;

// --- controls

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) key in made ? (made[key] = value) : made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function slider(name, [low, high, step], value, change) {
  const output = element("output", {}, value.toFixed(2));
  const input = element("input", { type: "range", min: low, max: high, step, value, ariaLabel: name });
  input.addEventListener("input", () => {
    output.value = Number(input.value).toFixed(2);
    change(Number(input.value));
    draw();
  });
  const set = (number) => {
    input.value = number;
    output.value = Number(input.value).toFixed(2);
  };
  return { set, row: element("label", { className: "slider" }, element("span", {}, name), input, output) };
}

function choices(name, words, chosen, change) {
  const group = `choice-${name}`;
  const rows = words.map((word, place) => {
    const input = element("input", { type: "radio", name: group, value: String(place), checked: place === chosen });
    input.addEventListener("change", () => {
      change(place);
      draw();
    });
    return element("label", { className: "chip" }, input, element("span", {}, word));
  });
  return element("div", { className: "chips", role: "radiogroup", ariaLabel: name }, ...rows);
}

const fieldset = (legend, ...rows) => element("fieldset", {}, element("legend", {}, legend), ...rows);

function button(words, act) {
  const made = element("button", { type: "button" }, words);
  made.addEventListener("click", () => {
    act();
    draw();
  });
  return made;
}

function labelControls() {
  if (!model.code.labels) return [];
  const rows = model.conditions ?? ["0".repeat(model.labels.length)];
  const random = stream(7);
  const occurring = () => [...rows[Math.floor(random() * rows.length)]].map(Number);
  state.labels = occurring();
  if (model.code.exclusive) {
    const set = (place) => (state.labels = model.labels.map((_, other) => Number(other === place)));
    return [fieldset("Class", choices("Class", model.labels, state.labels.indexOf(1), set))];
  }
  const sliders = model.labels.map((name, place) =>
    slider(name.replaceAll("_", " "), [0, 1, 0.05], state.labels[place], (value) => (state.labels[place] = value)));
  const mix = button("Labels that occur together", () => {
    state.labels = occurring();
    sliders.forEach(({ set }, place) => set(state.labels[place]));
  });
  return [fieldset("Labels", ...sliders.map(({ row }) => row), mix)];
}

function codeControls() {
  const { categorical, continuous } = model.code;
  state.categories = categorical.map(() => 0);
  state.continuous = Array(continuous).fill(0);
  const sets = categorical.map((ways, place) => {
    const words = Array.from({ length: ways }, (_, way) => String(way + 1));
    return fieldset(`Category ${place + 1}`, choices(`Category ${place + 1}`, words, 0, (way) => (state.categories[place] = way)));
  });
  if (!continuous) return sets;
  const rows = state.continuous.map((_, place) => slider(`Code ${place + 1}`, [-2, 2, 0.05], 0, (value) => (state.continuous[place] = value)).row);
  return [...sets, fieldset("Continuous codes", ...rows)];
}

function noiseControls() {
  const limit = model.code.distribution === "normal" ? 3 : 1;
  const spread = slider("Spread", [0, 2, 0.05], 1, (value) => (state.spread = value));
  const singles = Array.from({ length: Math.min(SINGLE, model.code.noise) }, (_, place) =>
    slider(`Value ${place + 1}`, [-limit, limit, 0.05], state.noise[place], (value) => (state.noise[place] = value)));
  state.follow = () => singles.forEach(({ set }, place) => set(state.noise[place]));
  const title = singles.length < model.code.noise ? `The first ${singles.length} of ${model.code.noise} values` : "Every value";
  const hint = element("p", { className: "hint" }, "Spread 0 is the middle of all codes, 1 is as in training.");
  return [fieldset("Noise", spread.row, hint, element("details", {}, element("summary", {}, title), ...singles.map(({ row }) => row)))];
}

// --- pictures

function paint(canvas, values, index) {
  const { height, width } = model.image;
  canvas.width = width;
  canvas.height = height;
  const pixels = toPixels(values, model.image, index);
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  return pixels;
}

function codeOf(noise) {
  return join(model.code, { ...state, noise: noise.map((value) => value * state.spread) });
}

async function decode(codes) {
  const flat = new Float32Array(codes.length * model.code.width);
  codes.forEach((code, place) => flat.set(code, place * model.code.width));
  const given = new runtime.Tensor("float32", flat, [codes.length, model.code.width]);
  return (await session.run({ codes: given })).images.data;
}

// Draws what is wanted last; a wish that comes meanwhile is drawn next, others in between are not.
async function draw() {
  wanted = true;
  if (busy) return;
  busy = true;
  try {
    while (wanted) {
      wanted = false;
      const code = codeOf(state.noise);
      shown.pixels = paint($("large"), await decode([code]), 0);
      shown.code = code;
      await new Promise((next) => setTimeout(next)); // lets a slider that is being moved be heard first
      if (wanted) continue;
      const values = await decode(state.others.map(codeOf));
      document.querySelectorAll("#others canvas").forEach((canvas, place) => paint(canvas, values, place));
    }
    document.body.dataset.state = "drawn";
  } catch (error) {
    fail(error);
  } finally {
    busy = false;
  }
}

function redraw(seed) {
  const random = stream(seed);
  state.noise = drawNoise(model.code, random);
  state.others = Array.from({ length: OTHERS }, () => drawNoise(model.code, random));
  state.follow?.();
}

function buildOthers() {
  for (let place = 0; place < OTHERS; place++) {
    const one = element("button", { type: "button", ariaLabel: `Take picture ${place + 1}` }, element("canvas"));
    one.addEventListener("click", () => {
      [state.noise, state.others[place]] = [state.others[place], state.noise];
      state.follow();
      draw();
    });
    $("others").append(one);
  }
}

function save() {
  const scale = Math.max(1, Math.floor(512 / model.image.height));
  const canvas = element("canvas", { width: model.image.width * scale, height: model.image.height * scale });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage($("large"), 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    const link = element("a", { href: URL.createObjectURL(blob), download: "picture.png" });
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

// --- beginning

function fail(error) {
  document.body.dataset.state = "failed";
  $("status").textContent = `The model cannot be run here: ${error.message}`;
}

function introduce() {
  const { width, height, channels } = model.image;
  document.title = $("title").textContent = model.title;
  $("kicker").textContent = `${model.family_name} · ${width}×${height} ${channels === 1 ? "grey" : "colour"} · update ${model.step.toLocaleString("en")}`;
  $("origin").textContent = model.origin;
  $("large").style.aspectRatio = `${width} / ${height}`;
  $("large").style.imageRendering = height < 96 ? "pixelated" : "auto";
}

async function begin() {
  model = await (await fetch("config.json")).json();
  introduce();
  runtime = await import("./ort/ort.js");
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = { wasm: new URL("ort/ort-wasm-simd-threaded.wasm", document.baseURI).href };
  session = await runtime.InferenceSession.create(`${model.image_network}.onnx`, { executionProviders: ["wasm"] });
  redraw(state.seed);
  buildOthers();
  $("controls").append(...labelControls(), ...codeControls(), ...noiseControls());
  $("fresh").addEventListener("click", () => {
    redraw((state.seed += 1));
    draw();
  });
  $("save").addEventListener("click", save);
  $("status").textContent = "Every picture is made while you watch.";
  await draw();
}

begin().catch(fail);
