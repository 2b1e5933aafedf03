// Learning curves as small charts in SVG.

import { element } from "./dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 420, HEIGHT = 220, LEFT = 48, BOTTOM = 26, TOP = 8, RIGHT = 16;
const COLOURS = 6;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// About five round numbers between two.
function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) values.push(Number(value.toPrecision(12)));
  return values;
}

function short(value) {
  const size = Math.abs(value);
  const text = size >= 1e6 ? `${value / 1e6}M` : size >= 1e3 ? `${value / 1e3}k` : String(value);
  return text.replace("-", "−");
}

// Positions in the drawing of steps and values.
function scales(lines, percent) {
  const xs = lines.flatMap((line) => line.x), ys = lines.flatMap((line) => line.y);
  let [low, high] = percent ? [0, 1] : [Math.min(...ys), Math.max(...ys)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const first = Math.min(0, ...xs), last = Math.max(...xs, first + 1);
  return {
    low, high, first, last,
    x: (step) => LEFT + ((step - first) / (last - first)) * (WIDTH - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP),
  };
}

function curve({ x: steps, y: values }, colour, { x, y }) {
  if (steps.length === 1) return svg("circle", { class: `spot ${colour}`, cx: x(steps[0]), cy: y(values[0]), r: 3 });
  const points = steps.map((step, index) => `${x(step).toFixed(1)},${y(values[index]).toFixed(1)}`).join(" ");
  return svg("polyline", { class: `line ${colour}`, points });
}

export function chart({ title, unit, reading, percent, lines: given }) {
  const lines = given.filter((line) => line.x.length);
  const { low, high, first, last, x, y } = scales(lines, percent);
  const ends = lines.map((line) => `${line.name} ${short(Number(line.y.at(-1).toPrecision(3)))}`).join(", ");
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${ends} at the end` });
  for (const value of ticks(low, high)) {
    const text = percent ? `${Math.round(value * 100)}%` : short(value);
    drawing.append(
      svg("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 3.5, "text-anchor": "end" }, text),
    );
  }
  for (const step of ticks(first, last)) drawing.append(svg("text", { x: x(step), y: HEIGHT - 8, "text-anchor": "middle" }, short(step)));
  lines.forEach((line, index) => drawing.append(curve(line, `line-${(index % COLOURS) + 1}`, { x, y })));
  const keys = lines.map((line, index) => element("li", {}, element("span", { class: `dot fill-${(index % COLOURS) + 1}`, "aria-hidden": "true" }), line.name));
  return element("figure", { class: "chart" }, element("h3", {}, title), drawing,
    element("ul", { class: "legend" }, ...keys), element("figcaption", {}, `${unit}, by updates. ${reading}`));
}
