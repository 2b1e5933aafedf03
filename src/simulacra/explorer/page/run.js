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

const HEADS = ["metric", "value", "95% interval", "baseline", "images", "step"];

function table(scores) {
  return element("table", {},
    element("thead", {}, element("tr", {}, ...HEADS.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...scores.map(tableRow)));
}

// Name and split of a metric, and its numbers. A phone has no room for the head, so each number bears its name.
function tableRow(row) {
  const known = (value) => (value === null || value === undefined ? "–" : count(value));
  const { value, interval, baseline } = row.texts;
  const cells = [value, interval, baseline, known(row.n), known(row.step)];
  const title = row.split ? `${row.title}, ${row.split}` : row.title;
  return element("tr", {},
    element("th", { scope: "row", title: row.reading }, title, row.details ? element("small", {}, ` ${row.details}`) : ""),
    ...cells.map((text, index) => element("td", { class: "number", "data-name": HEADS[index + 1] }, text)));
}
