// Learning curves as small charts, drawn as SVG.

import { element } from "./element.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 420, HEIGHT = 220, LEFT = 48, BOTTOM = 26, TOP = 8, RIGHT = 8;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Round numbers between two, about five of them.
export function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

const short = (value) => (Math.abs(value) >= 1e6 ? `${value / 1e6}M` : Math.abs(value) >= 1e3 ? `${value / 1e3}k` : String(value)).replace("-", "−");

export function chart(told) {
  const lines = told.lines.filter((line) => line.x.length);
  const xs = lines.flatMap((line) => line.x), ys = lines.flatMap((line) => line.y);
  let [low, high] = [Math.min(...ys), Math.max(...ys)];
  if (told.percent) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const first = Math.min(0, ...xs), last = Math.max(...xs, first + 1);
  const x = (value) => LEFT + ((value - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  const name = `${told.title}: ${lines.map((line) => `${line.name} ${short(Number(line.y.at(-1).toPrecision(3)))}`).join(", ")} at the end`;
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": name });
  for (const value of ticks(low, high)) {
    const text = told.percent ? `${Math.round(value * 100)}%` : short(value);
    drawn.append(svg("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }), svg("text", { x: LEFT - 6, y: y(value) + 3.5, "text-anchor": "end" }, text));
  }
  for (const value of ticks(first, last)) drawn.append(svg("text", { x: x(value), y: HEIGHT - 8, "text-anchor": "middle" }, short(value)));
  lines.forEach((line, place) => {
    const points = line.x.map((one, number) => `${x(one).toFixed(1)},${y(line.y[number]).toFixed(1)}`).join(" ");
    drawn.append(line.x.length > 1 ? svg("polyline", { class: `line line-${(place % 6) + 1}`, points }) : svg("circle", { class: `spot line-${(place % 6) + 1}`, cx: x(line.x[0]), cy: y(line.y[0]), r: 3 }));
  });
  const legend = element("ul", { class: "legend" }, ...lines.map((line, place) => element("li", {}, element("span", { class: `dot fill-${(place % 6) + 1}`, "aria-hidden": "true" }), line.name)));
  return element("figure", { class: "chart" }, element("h3", {}, told.title), drawn, legend, element("figcaption", {}, `${told.unit}, by updates. ${told.reading}`));
}
