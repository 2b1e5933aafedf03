// The panel of the run: how its training went, and what was measured of it.

import { View, json, path } from "./ask.js";
import { chart } from "./charts.js";
import { byId, element, fill } from "./element.js";
import { facts } from "./stage.js";
import { listen, state } from "./state.js";

const view = new View("told", (error) => fill(byId("charts"), error.message));

export function setup() {
  listen((names) => { if (["run", "tab"].some((name) => names.has(name))) refresh(); });
}

export function refresh() {
  if (state.tab !== "run" || !state.run) return;
  view.show(async (options) => {
    const [curves, scores] = await Promise.all([json(path(`runs/${state.run}/curves.json`), options), json(path(`runs/${state.run}/scores.json`))]);
    const card = facts.card;
    const head = [card?.recipe, card?.family, `step ${card?.steps.at(-1)?.toLocaleString("en") ?? 0} of ${card?.of?.toLocaleString("en")}`, card?.state];
    byId("run-says").textContent = head.filter(Boolean).join("; ");
    fill(byId("gaps"), ...curves.gaps.map((gap) => element("li", {}, gap)));
    fill(byId("charts"), ...(curves.charts.length ? curves.charts.map(chart) : [element("p", {}, "No learning curve has been written yet.")]));
    fill(byId("scores"), scores.scores.length ? table(scores) : element("p", {}, "Nothing has been measured yet: simulacra evaluate RUN does it."));
  });
}

function number(value, percent) {
  if (value === null || value === undefined) return "–";
  return percent ? `${(100 * value).toFixed(1)}%` : Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

function table({ scores, floor }) {
  const cells = scores.map((row) => element("tr", {},
    element("th", { scope: "row", title: row.reading }, row.title, row.others ? element("small", {}, ` ${row.others}`) : ""),
    ...[number(row.value, row.percent), row.low === null ? "–" : `${number(row.low, row.percent)} to ${number(row.high, row.percent)}`, number(row.floor, row.percent), row.n?.toLocaleString("en") ?? "–"].map((text) => element("td", { class: "number" }, text)),
    element("td", {}, row.split), element("td", { class: "number" }, row.step?.toLocaleString("en") ?? "")));
  const heads = ["metric", "value", "95% interval", "floor", "images", "split", "step"];
  return element("table", {}, element("caption", {}, `The newest row of each. The floor is ${floor}.`), element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...cells));
}
