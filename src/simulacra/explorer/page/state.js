// The state of the page. It lives in the address behind the #, so that a link shows what its sender saw.

const START = {
  run: null, step: null, other: null, tab: "samples", code: { seed: 0 }, samples: 0, corners: [], along: null,
  kind: "map", colour: null, keep: false, pixels: false,
};
const listeners = [];

export const state = { ...START };

// Registers a callback for the set of names that changed; callbacks are called in the order of their registration.
export function listen(callback) { listeners.push(callback); }

// Changes some of the state. With `history`, the Back button of the browser returns to the state before.
export function change(changes, { history: entry = false } = {}) {
  const names = Object.keys(changes).filter((name) => JSON.stringify(changes[name]) !== JSON.stringify(state[name]));
  if (!names.length) return;
  Object.assign(state, changes);
  write(entry);
  announce(new Set(names));
}

// Takes the state from the address; returns the names that changed.
export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const next = { ...START };
  for (const name of ["run", "other", "along", "colour"]) next[name] = given.get(name);
  next.tab = given.get("tab") ?? START.tab;
  next.kind = given.get("kind") === "map-pca" ? "map-pca" : "map";
  for (const name of ["keep", "pixels"]) next[name] = given.get(name) === "1";
  next.step = whole(given.get("step"));
  next.samples = whole(given.get("samples")) ?? 0;
  next.code = parsed(given.get("code")) ?? START.code;
  next.corners = given.getAll("corner").slice(0, 4).map(parsed).filter((corner) => corner !== null);
  const names = Object.keys(next).filter((name) => JSON.stringify(next[name]) !== JSON.stringify(state[name]));
  Object.assign(state, next);
  return new Set(names);
}

export function hash() {
  const parameters = new URLSearchParams();
  for (const name of ["run", "other", "along", "colour", "step"]) {
    if (state[name] !== null) parameters.set(name, state[name]);
  }
  parameters.set("tab", state.tab);
  if (state.kind !== START.kind) parameters.set("kind", state.kind);
  for (const name of ["keep", "pixels"]) if (state[name]) parameters.set(name, "1");
  if (state.samples) parameters.set("samples", state.samples);
  parameters.set("code", JSON.stringify(state.code));
  for (const corner of state.corners) parameters.append("corner", JSON.stringify(corner));
  return `#${parameters}`;
}

// Browsers refuse an address that changes too often, so it follows a slider a little later.
let timer = 0;
function write(entry) {
  clearTimeout(timer);
  if (entry) history.pushState(null, "", hash());
  else timer = setTimeout(() => history.replaceState(null, "", hash()), 120);
}

function announce(names) { for (const callback of listeners) callback(names); }

window.addEventListener("popstate", () => { clearTimeout(timer); announce(read()); });

function whole(text) { return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null; }

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch { return null; }
}
