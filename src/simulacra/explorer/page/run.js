// The panel of the run: its scores and its learning curves.

import { chart } from "./charts.js";
import { byId, count, element, fill } from "./dom.js";
import { server } from "./picture.js";
import { View, address, json } from "./requests.js";
import { listen, state } from "./state.js";

const view = new View((error) => fill(byId("charts"), error.message));

export function setup() {
  listen((names) => { if (["run", "tab"].some((name) => names.has(name))) refresh(); });
}

export function refresh() {
  if (state.tab !== "run" || !state.run) return;
  const { run } = state;
  const ask = () => Promise.all([json(address(`runs/${run}/curves.json`)), json(address(`runs/${run}/scores.json`))]);
  view.show(run, ask, ([curves, scores]) => {
    byId("run-summary").textContent = summary(server.card);
    fill(byId("gaps"), ...curves.gaps.map((gap) => element("li", {}, gap)));
    fill(byId("charts"), ...(curves.charts.length ? curves.charts.map(chart) : [element("p", {}, "There are no learning curves yet.")]));
    byId("scores-hint").textContent = scores.scores.length ? `The newest value of each metric. The baseline is ${scores.baseline}.` : "";
    fill(byId("scores"), scores.scores.length ? table(scores.scores) : element("p", {}, "Nothing has been measured yet. To measure this run: simulacra evaluate RUN"));
  });
}

function summary(card) {
  if (!card) return "";
  return [card.recipe, card.progress].filter(Boolean).join("; ");
}

function number(value, percent) {
  if (value === null || value === undefined) return "–";
  if (percent) return `${(100 * value).toFixed(1)}%`;
  return Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

function table(scores) {
  const heads = ["metric", "value", "95% interval", "baseline", "images", "split", "step"];
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...scores.map(tableRow)));
}

function tableRow(row) {
  const unknown = (value) => value === null || value === undefined;
  const interval = unknown(row.low) ? "–" : `${number(row.low, row.percent)} to ${number(row.high, row.percent)}`;
  const cell = (text) => element("td", { class: "number" }, text);
  return element("tr", {},
    element("th", { scope: "row", title: row.reading }, row.title, row.details ? element("small", {}, ` ${row.details}`) : ""),
    cell(number(row.value, row.percent)), cell(interval), cell(number(row.baseline, row.percent)),
    cell(unknown(row.n) ? "–" : count(row.n)), element("td", {}, row.split), cell(unknown(row.step) ? "" : count(row.step)));
}
