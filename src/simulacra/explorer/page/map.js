// The panel of the map of test codes: look at dots, decode between them, walk along a line.

import { View, bitmap, json, path } from "./ask.js";
import { byId, element, fill, say, words } from "./element.js";
import { facts, glance } from "./stage.js";
import { change, listen, state } from "./state.js";
import { Player, draw, mark, thereAndBack, thumbs } from "./thumbs.js";
import { Window, nearest } from "./view.js";

const COUNT = 12; // pictures along a line
const COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];
const canvas = byId("map");
const view = new Window();
const views = { map: new View("map", refused), place: new View("place", (error) => say(error.message, true)), dot: new View("dot", () => {}), line: new View("line", (error) => say(error.message, true)) };
const shown = { told: null, of: "", cross: null, line: null, over: -1, strip: null, codes: [] };
const pointers = new Map();
let drawing = null, player;

export function setup() {
  player = new Player(byId("line-play"), glanceAt);
  byId("map-kind").addEventListener("change", (event) => change({ kind: event.target.value }));
  byId("map-colour").addEventListener("change", (event) => change({ colour: event.target.value }));
  byId("map-whole").addEventListener("click", () => { view.fit(shown.told.points); paint(); });
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", moved);
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, up);
  canvas.addEventListener("pointerleave", () => { byId("dot").hidden = true; shown.over = -1; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoomed(Math.exp(-event.deltaY / 400), at(event)); }, { passive: false });
  canvas.addEventListener("keydown", key);
  new ResizeObserver(resized).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  listen((names) => {
    if (names.has("tab") && state.tab !== "map") player.stop();
    if (["run", "step", "tab", "kind"].some((name) => names.has(name))) refresh();
    if (names.has("colour")) { legend(); paint(); }
  });
}

export function refresh() {
  if (state.tab !== "map" || !facts.card?.generates) return;
  const { run, step, kind } = state;
  views.map.show(async (options) => {
    const told = await json(path(`runs/${run}/map.json`, { step, kind }), options);
    const of = `${run} ${step} ${kind}`;
    if (shown.of !== of) { view.fit(told.points); Object.assign(shown, { cross: null, line: null }); byId("line-box").hidden = true; }
    Object.assign(shown, { told, of });
    byId("map-problem").hidden = true;
    byId("map-box").hidden = false;
    byId("map-kind").value = kind;
    byId("map-kind").querySelector('[value="map-pca"]').disabled = !facts.card.maps.includes("map-pca");
    const colours = told.exclusive ? ["class", ...told.label_names] : told.label_names;
    fill(byId("map-colour"), ...colours.map((name) => element("option", { value: name }, words(name))));
    byId("map-colour").disabled = !colours.length;
    legend();
    resized();
  });
}

function refused(error) {
  byId("map-box").hidden = true;
  byId("map-problem").textContent = error.message;
  byId("map-problem").hidden = false;
}

// Which colour each dot has, and what the colours mean.
function colouring() {
  const { label_names: names, labels, exclusive, chosen } = shown.told;
  const wanted = state.colour === "class" || names.includes(state.colour) ? state.colour : exclusive ? "class" : chosen;
  if (wanted === "class" && exclusive) return { wanted, names, of: labels.map((row) => row.indexOf(1)) };
  const column = names.indexOf(wanted);
  if (column < 0) return { wanted: "", names: ["test pictures"], of: labels.map(() => 0) };
  return { wanted, names: [words(wanted), `not ${words(wanted)}`], of: labels.map((row) => (row[column] ? 0 : 1)) };
}

function legend() {
  if (!shown.told) return;
  const { wanted, names } = colouring();
  if (wanted) byId("map-colour").value = wanted;
  fill(byId("map-legend"), ...names.map((name, place) => {
    const dot = element("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = COLOURS[place % COLOURS.length];
    return element("li", {}, dot, words(name));
  }));
}

function resized() {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (width && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
  paint();
}

function paint() {
  if (!shown.told) return;
  const pen = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  const ink = getComputedStyle(canvas).getPropertyValue("--ink");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const { of } = colouring();
  const size = Math.min(7, 2.8 * Math.sqrt(view.near)) * ratio;
  pen.globalAlpha = 0.8;
  shown.told.points.forEach((point, number) => {
    const [x, y] = view.to(canvas, point);
    pen.fillStyle = COLOURS[of[number] % COLOURS.length];
    pen.beginPath();
    pen.arc(x, y, number === shown.over ? size * 2 : size, 0, 7);
    pen.fill();
  });
  pen.globalAlpha = 1;
  pen.strokeStyle = ink;
  pen.lineWidth = 2 * ratio;
  if (shown.line) {
    const [[x0, y0], [x1, y1]] = shown.line.map((place) => view.to(canvas, place));
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
  }
  if (shown.cross) {
    const [x, y] = view.to(canvas, shown.cross), arm = 9 * ratio;
    pen.beginPath();
    pen.moveTo(x - arm, y); pen.lineTo(x + arm, y); pen.moveTo(x, y - arm); pen.lineTo(x, y + arm);
    pen.stroke();
  }
}

function at(event) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
}

function down(event) {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { from: at(event), last: at(event) });
  const wanted = event.shiftKey || byId("map-line").checked;
  drawing = pointers.size === 1 && wanted ? view.from(canvas, at(event)) : null;
}

function moved(event) {
  const pointer = pointers.get(event.pointerId), now = at(event);
  if (!pointer) { hover(event, now); return; }
  if (pointers.size === 2) pinch(event.pointerId, now);
  else if (drawing) { shown.line = [drawing, view.from(canvas, now)]; paint(); }
  else { view.move(canvas, now[0] - pointer.last[0], now[1] - pointer.last[1]); paint(); }
  pointer.last = now;
}

function pinch(id, now) {
  const mine = pointers.get(id), other = [...pointers].find(([one]) => one !== id)[1];
  const before = Math.hypot(mine.last[0] - other.last[0], mine.last[1] - other.last[1]);
  const after = Math.hypot(now[0] - other.last[0], now[1] - other.last[1]);
  zoomed(after / Math.max(before, 1), other.last);
}

function up(event) {
  const pointer = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (!pointer || event.type === "pointercancel") { drawing = null; return; }
  const now = at(event), far = Math.hypot(now[0] - pointer.from[0], now[1] - pointer.from[1]) > 6;
  if (drawing && far) along([drawing, view.from(canvas, now)]);
  else if (!far) decode(view.from(canvas, now), nearest(view, canvas, shown.told.points, now, 6));
  drawing = null;
}

function zoomed(factor, place) { view.zoom(canvas, factor, place); paint(); }

// On a dot its own code, elsewhere what the map says of the place.
function decode(place, dot) {
  const point = dot < 0 ? place : shown.told.points[dot];
  shown.cross = point;
  paint();
  const { run, step, kind } = state;
  views.place.show(async (options) => {
    const told = await json(path(`runs/${run}/place.json`, { step, kind, x: point[0], y: point[1] }), options);
    change({ code: told.code }, { history: true });
  });
}

function along(line) {
  shown.line = line;
  paint();
  player.stop();
  const { run, step, kind } = state;
  views.line.show(async (options) => {
    const query = { step, kind, count: COUNT, x: line.map(([x]) => x), y: line.map(([, y]) => y) };
    const [strip, told] = await Promise.all([bitmap(path(`runs/${run}/line.png`, query), options), json(path(`runs/${run}/line.json`, query))]);
    Object.assign(shown, { strip, codes: told.codes });
    byId("line-box").hidden = false;
    thumbs(byId("line"), strip, told.codes.map((_, number) => `Picture ${number + 1} along the line`), (number) => { player.stop(); glanceAt(number); change({ code: shown.codes[number] }, { history: true }); });
    player.order = thereAndBack(COUNT);
  });
}

function glanceAt(number) {
  glance(shown.strip, number, COUNT);
  mark(byId("line"), number);
}

function hover(event, now) {
  if (!shown.told || event.pointerType === "touch") return;
  const dot = nearest(view, canvas, shown.told.points, now, 8 * (window.devicePixelRatio || 1));
  if (dot === shown.over) return;
  shown.over = dot;
  paint();
  byId("dot").hidden = dot < 0;
  if (dot >= 0) showDot(dot);
}

function showDot(dot) {
  const { run, step } = state;
  const { labels, label_names: names, points } = shown.told;
  const ratio = window.devicePixelRatio || 1, [x, y] = view.to(canvas, points[dot]).map((one) => one / ratio);
  const box = byId("dot");
  box.style.left = `${Math.min(Math.max(0, x + 12), Math.max(0, canvas.clientWidth - 150))}px`;
  box.style.top = `${Math.min(y + 12, Math.max(0, canvas.clientHeight - 130))}px`;
  byId("dot-says").textContent = names.filter((_, place) => labels[dot][place]).map(words).join(", ") || "no label";
  views.dot.show(async (options) => {
    draw(byId("dot-picture"), await bitmap(path(`runs/${run}/tests/${dot}.png`, { step }), options));
    byId("dot-picture").dataset.row = String(dot);
  });
}

function key(event) {
  if (!shown.told) return;
  const step = (20 * (window.devicePixelRatio || 1)) / view.scale(canvas); // twenty pixels
  const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
  const cross = shown.cross ?? [view.x, view.y];
  if (ways[event.key]) {
    const [across, up_] = ways[event.key];
    if (event.shiftKey) { view.x += across; view.y += up_; } else shown.cross = [cross[0] + across, cross[1] + up_];
    const dot = nearest(view, canvas, shown.told.points, view.to(canvas, shown.cross ?? cross), 12);
    byId("dot").hidden = dot < 0;
    if (dot >= 0) showDot(dot);
  } else if (event.key === "+" || event.key === "=") view.zoom(canvas, 1.3, view.to(canvas, cross));
  else if (event.key === "-") view.zoom(canvas, 1 / 1.3, view.to(canvas, cross));
  else if (event.key === "Enter" || event.key === " ") decode(cross, nearest(view, canvas, shown.told.points, view.to(canvas, cross), 6));
  else if (event.key === "l") {
    if (drawing) { along([drawing, cross]); drawing = null; } else { drawing = cross; say("the line begins here; move, and press L again to end it"); }
  } else return;
  event.preventDefault();
  paint();
}
