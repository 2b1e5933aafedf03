// The panel of the map of test codes: points, an encoded picture among them, codes between points, a line over the map.

import { byId, element, fill, notify, words } from "./dom.js";
import { acceptUploads, encoded, onEncoded } from "./encoding.js";
import { glance, isReady, server } from "./picture.js";
import { View, address, bitmap, json } from "./requests.js";
import { change, listen, state } from "./state.js";
import { Player, addSaving, draw, looks, mark, thereAndBack, thumbnails } from "./thumbnails.js";
import { Viewport } from "./viewport.js";

const COUNT = 12; // images along a line
const FRAMES = 33; // of the same line as an animation
const SIDE = 60; // pixels of the encoded picture on the map, and its distance from its ring
const GAP = 18;
const COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];
const REACH = 8; // pixels around a point that belong to it
const canvas = byId("map");
const viewport = new Viewport();
const complain = (error) => notify(error.message, true);
const views = {
  map: new View((error) => noMap(error.message)), point: new View(complain), dot: new View(() => {}), line: new View(complain), ring: new View(complain),
};
// `data` of the server and its `subject`; the cross and the line on the map; the point below the pointer; the position of the
// encoded picture, itself, and where it is drawn; the strip and codes along the line.
const map = { data: null, subject: "", cross: null, line: null, hovered: -1, ring: null, image: null, box: null, strip: null, codes: [] };
const pointers = new Map();
let start = null; // of the line that is being drawn
let player;

export function setup() {
  player = new Player(byId("line-play"), glanceAt);
  acceptUploads(byId("map-upload"), canvas);
  addSaving(byId("line-save"), (form) => address(`runs/${state.run}/map/line.${form}`, { ...lineQuery(map.line), count: FRAMES, ...looks() }), () => "line");
  byId("map-kind").addEventListener("change", (event) => change({ kind: event.target.value }));
  byId("map-colour").addEventListener("change", (event) => change({ colour: event.target.value }));
  byId("map-all").addEventListener("click", () => { fit(); paint(); });
  canvas.addEventListener("pointerdown", pointerDown);
  canvas.addEventListener("pointermove", pointerMoved);
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, pointerUp);
  canvas.addEventListener("pointerleave", () => { byId("dot").hidden = true; map.hovered = -1; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), pixelOf(event)); }, { passive: false });
  canvas.addEventListener("keydown", keyDown);
  new ResizeObserver(resize).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  onEncoded(findRing);
  listen((names) => {
    if (names.has("tab") && state.tab !== "map") player.stop();
    if (["run", "step", "tab", "kind"].some((name) => names.has(name))) refresh();
    if (names.has("colour")) { showLegend(); paint(); }
  });
}

export function refresh() {
  if (state.tab !== "map" || !isReady() || server.card.lacking.map) return;
  const { run, step, kind } = state;
  const { maps } = server.card;
  const subject = `${run} ${step} ${kind}`;
  views.map.show(subject, () => json(address(`runs/${run}/map.json`, { step, kind })), (data) => {
    const before = map.subject;
    Object.assign(map, { data, subject });
    if (before !== subject) {
      Object.assign(map, { cross: null, line: null, ring: null, box: null });
      byId("line-box").hidden = true;
      fit();
    }
    byId("map-problem").hidden = true;
    byId("map-box").hidden = false;
    byId("map-kind").value = kind;
    byId("map-kind").querySelector('[value="map-pca"]').disabled = !maps.includes("map-pca");
    const choices = data.exclusive ? ["class", ...data.label_names] : data.label_names;
    fill(byId("map-colour"), ...choices.map((name) => element("option", { value: name }, words(name))));
    byId("map-colour").disabled = !choices.length;
    showLegend();
    resize();
    findRing();
  });
}

function noMap(reason) {
  byId("map-box").hidden = true;
  byId("map-problem").textContent = reason;
  byId("map-problem").hidden = false;
}

// Finds the position of the encoded picture, where there is one.
function findRing() {
  const picture = encoded();
  byId("map-ring").textContent = "";
  if (!picture || !map.data || state.tab !== "map") return;
  const { run, step, kind } = state;
  const query = { step, kind, code: picture.code };
  const image = Object.assign(new Image(), { src: picture.original });
  const ask = () => Promise.all([json(address(`runs/${run}/map/position.json`, query)), image.decode()]);
  views.ring.show(`${map.subject} ${picture.name}`, ask, ([{ x, y, nearest }]) => {
    Object.assign(map, { ring: [x, y], image });
    byId("map-ring").textContent = `The ring marks the code of ${picture.name}. The nearest point is test image ${nearest}.`;
    fit();
    paint();
  });
}

function fit() { viewport.fit(map.ring ? [...map.data.points, map.ring] : map.data.points); }

// The colour of each point, and what the colours mean: { label, names, indices }.
function colouring() {
  const { label_names: labels, labels: rows, exclusive, coloured_by: byDefault } = map.data;
  const isChoice = state.colour === "class" || labels.includes(state.colour);
  const label = isChoice ? state.colour : exclusive ? "class" : byDefault;
  if (label === "class" && exclusive) return { label, names: labels, indices: rows.map((row) => row.indexOf(1)) };
  const column = labels.indexOf(label);
  if (column < 0) return { label: "", names: ["test images"], indices: rows.map(() => 0) };
  return { label, names: [words(label), `not ${words(label)}`], indices: rows.map((row) => (row[column] ? 0 : 1)) };
}

function showLegend() {
  if (!map.data) return;
  const { label, names } = colouring();
  if (label) byId("map-colour").value = label;
  fill(byId("map-legend"), ...names.map((name, index) => {
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = COLOURS[index % COLOURS.length];
    return element("li", {}, dot, words(name));
  }));
}

// --- drawing

const ratio = () => window.devicePixelRatio || 1;

function resize() {
  const [width, height] = [Math.round(canvas.clientWidth * ratio()), Math.round(canvas.clientHeight * ratio())];
  if (width && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
  paint();
}

function paint() {
  if (!map.data) return;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  paintDots(pen);
  pen.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ink");
  pen.lineWidth = 2 * ratio();
  if (map.line) path(pen, map.line.map((position) => viewport.toPixels(canvas, position)));
  if (map.cross) {
    const [x, y] = viewport.toPixels(canvas, map.cross), arm = 9 * ratio();
    path(pen, [[x - arm, y], [x + arm, y]]);
    path(pen, [[x, y - arm], [x, y + arm]]);
  }
  if (map.ring) paintEncoded(pen);
}

// The encoded picture beside its ring, on the side where there is room.
function paintEncoded(pen) {
  const [x, y] = viewport.toPixels(canvas, map.ring), { image } = map;
  const [width, gap] = [SIDE * ratio(), GAP * ratio()], height = (width * image.naturalHeight) / image.naturalWidth;
  const right = x + gap + width < canvas.width, above = y - gap - height > 0;
  const box = [right ? x + gap : x - gap - width, above ? y - gap - height : y + gap, width, height];
  pen.lineWidth = 3 * ratio();
  circle(pen, [x, y], 9 * ratio());
  pen.stroke();
  const arm = 9 * ratio() * Math.SQRT1_2;
  path(pen, [[x + (right ? arm : -arm), y + (above ? -arm : arm)], [x + (right ? gap : -gap), y + (above ? -gap : gap)]]);
  pen.imageSmoothingEnabled = !state.pixels;
  pen.drawImage(image, ...box);
  pen.strokeRect(...box);
  map.box = box;
}

function paintDots(pen) {
  const { indices } = colouring();
  const size = Math.min(7, 2.8 * Math.sqrt(viewport.zoomed)) * ratio();
  pen.globalAlpha = 0.8;
  map.data.points.forEach((point, index) => {
    pen.fillStyle = COLOURS[indices[index] % COLOURS.length];
    circle(pen, viewport.toPixels(canvas, point), index === map.hovered ? size * 2 : size);
    pen.fill();
  });
  pen.globalAlpha = 1;
}

function circle(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

function path(pen, [from, to]) {
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}

// --- pointer and keyboard

function pixelOf(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * ratio(), (event.clientY - box.top) * ratio()];
}

function pointerDown(event) {
  if (!map.data) return;
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { first: pixelOf(event), last: pixelOf(event) });
  const drawsLine = event.shiftKey || byId("map-line").checked;
  start = pointers.size === 1 && drawsLine ? viewport.toMap(canvas, pixelOf(event)) : null;
}

function pointerMoved(event) {
  const pointer = pointers.get(event.pointerId), pixel = pixelOf(event);
  if (!pointer) { hover(event, pixel); return; }
  if (pointers.size === 2) pinch(event.pointerId, pixel);
  else if (start) { map.line = [start, viewport.toMap(canvas, pixel)]; paint(); }
  else { viewport.move(canvas, pixel[0] - pointer.last[0], pixel[1] - pointer.last[1]); paint(); }
  pointer.last = pixel;
}

function pinch(id, pixel) {
  const moved = pointers.get(id), other = [...pointers].find(([key]) => key !== id)[1];
  const before = Math.hypot(moved.last[0] - other.last[0], moved.last[1] - other.last[1]);
  const after = Math.hypot(pixel[0] - other.last[0], pixel[1] - other.last[1]);
  zoom(after / Math.max(before, 1), other.last);
}

function pointerUp(event) {
  const pointer = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (!pointer || event.type === "pointercancel") { start = null; return; }
  const pixel = pixelOf(event);
  const moved = Math.hypot(pixel[0] - pointer.first[0], pixel[1] - pointer.first[1]) > 6;
  if (start && moved) followLine([start, viewport.toMap(canvas, pixel)]);
  else if (!moved) decode(pixel);
  start = null;
}

function zoom(factor, pixel) {
  viewport.zoom(canvas, factor, pixel);
  paint();
}

function keyDown(event) {
  if (!map.data) return;
  const step = (20 * ratio()) / viewport.scale(canvas); // 20 pixels
  const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const cross = map.cross ?? [viewport.x, viewport.y], pixel = viewport.toPixels(canvas, cross);
  if (ways[event.key]) moveCross(cross, ways[event.key], event.shiftKey);
  else if (event.key === "+" || event.key === "=") viewport.zoom(canvas, 1.3, pixel);
  else if (event.key === "-") viewport.zoom(canvas, 1 / 1.3, pixel);
  else if (event.key === "Enter" || event.key === " ") decode(pixel);
  else if (event.key === "l") lineByKey(cross);
  else return;
  event.preventDefault();
  paint();
}

function moveCross([x, y], [across, up], movesMap) {
  if (movesMap) { viewport.x += across; viewport.y += up; }
  else map.cross = [x + across, y + up];
  showDot(viewport.nearest(canvas, map.data.points, viewport.toPixels(canvas, map.cross ?? [x, y]), 12));
}

function lineByKey(cross) {
  if (start) { followLine([start, cross]); start = null; return; }
  start = cross;
  notify("the line starts here; move the cross, then press L again to end the line");
}

// --- codes

// Shows the image at a pixel: of the encoded picture, of a point, or between points.
function decode(pixel) {
  const points = map.ring ? [...map.data.points, map.ring] : map.data.points;
  const index = isOnPicture(pixel) ? points.length - 1 : viewport.nearest(canvas, points, pixel, REACH * ratio());
  map.cross = index < 0 ? viewport.toMap(canvas, pixel) : points[index];
  paint();
  if (index === map.data.points.length && encoded()) { change({ code: encoded().code }, { history: true }); return; }
  const { run, step, kind } = state;
  const [x, y] = map.cross;
  views.point.show(map.subject, () => json(address(`runs/${run}/map/point.json`, { step, kind, x, y })), ({ code }) => change({ code }, { history: true }));
}

function isOnPicture([across, down]) {
  if (!map.ring || !map.box) return false;
  const [left, top, width, height] = map.box;
  return across >= left && across <= left + width && down >= top && down <= top + height;
}

const lineQuery = (line) => ({ step: state.step, kind: state.kind, x: line.map(([x]) => x), y: line.map(([, y]) => y) });

function followLine(line) {
  map.line = line;
  paint();
  player.stop();
  const { run } = state;
  const query = { ...lineQuery(line), count: COUNT };
  const ask = () => Promise.all([bitmap(address(`runs/${run}/map/line.png`, query)), json(address(`runs/${run}/map/line.json`, query))]);
  views.line.show(map.subject, ask, ([strip, { codes }]) => {
    Object.assign(map, { strip, codes });
    byId("line-box").hidden = false;
    const names = codes.map((_, index) => `Image ${index + 1} along the line`);
    thumbnails(byId("line"), strip, names, (index) => { player.stop(); glanceAt(index); change({ code: map.codes[index] }, { history: true }); });
    player.order = thereAndBack(COUNT);
  });
}

function glanceAt(index) {
  glance(map.strip, index, COUNT);
  mark(byId("line"), index);
}

function hover(event, pixel) {
  if (!map.data || event.pointerType === "touch") return;
  const index = viewport.nearest(canvas, map.data.points, pixel, REACH * ratio());
  if (index === map.hovered) return;
  map.hovered = index;
  paint();
  showDot(index);
}

// Shows the test image of a point beside it; -1 hides it.
function showDot(index) {
  const box = byId("dot");
  box.hidden = index < 0;
  if (index < 0) return;
  const { run, step } = state;
  const { labels, label_names: names, points } = map.data;
  const [x, y] = viewport.toPixels(canvas, points[index]).map((value) => value / ratio());
  box.style.left = `${Math.min(Math.max(0, x + 12), Math.max(0, canvas.clientWidth - 150))}px`;
  box.style.top = `${Math.min(y + 12, Math.max(0, canvas.clientHeight - 130))}px`;
  byId("dot-labels").textContent = names.filter((_, column) => labels[index][column]).map(words).join(", ") || "no labels";
  views.dot.show(map.subject, () => bitmap(address(`runs/${run}/test-pictures/${index}.png`, { step })), (image) => {
    draw(byId("dot-picture"), image);
    byId("dot-picture").dataset.index = String(index);
  });
}
