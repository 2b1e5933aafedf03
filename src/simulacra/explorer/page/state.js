// The whole state of the page, which lives in the address behind the hash, so that a link shows what its sender saw.

const START = {
  run: null, step: null, other: null, tab: "samples", code: { seed: 0 }, samples: 0, corners: [], along: null,
  kind: "map", colour: null, keep: false, pixels: false,
};
const listeners = [];

export const state = { ...START };

// Calls back with the set of names that changed, in the order of asking.
export function listen(callback) { listeners.push(callback); }

// Changes some of the state. A `step` of the history is kept where one wants to come back to it.
export function change(changes, { history: kept = false } = {}) {
  const names = Object.keys(changes).filter((name) => JSON.stringify(changes[name]) !== JSON.stringify(state[name]));
  if (!names.length) return;
  Object.assign(state, changes);
  write(kept);
  tell(new Set(names));
}

export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = { ...START };
  for (const name of ["run", "other", "along", "colour"]) found[name] = given.get(name);
  found.tab = given.get("tab") ?? START.tab;
  found.kind = given.get("kind") === "map-pca" ? "map-pca" : "map";
  for (const name of ["keep", "pixels"]) found[name] = given.get(name) === "1";
  found.step = whole(given.get("step"));
  found.samples = whole(given.get("samples")) ?? 0;
  found.code = parsed(given.get("code")) ?? START.code;
  found.corners = given.getAll("corner").slice(0, 4).map(parsed).filter((one) => one !== null);
  const names = Object.keys(found).filter((name) => JSON.stringify(found[name]) !== JSON.stringify(state[name]));
  Object.assign(state, found);
  return new Set(names);
}

export function address() {
  const told = new URLSearchParams();
  for (const name of ["run", "other", "along", "colour", "step"]) if (state[name] !== null) told.set(name, state[name]);
  told.set("tab", state.tab);
  if (state.kind !== START.kind) told.set("kind", state.kind);
  for (const name of ["keep", "pixels"]) if (state[name]) told.set(name, "1");
  if (state.samples) told.set("samples", state.samples);
  told.set("code", JSON.stringify(state.code));
  for (const corner of state.corners) told.append("corner", JSON.stringify(corner));
  return `#${told}`;
}

// Browsers refuse an address that changes too often, so it follows a slider a little later.
let later = 0;
function write(kept) {
  clearTimeout(later);
  if (kept) history.pushState(null, "", address());
  else later = setTimeout(() => history.replaceState(null, "", address()), 120);
}

function tell(names) { for (const callback of listeners) callback(names); }

window.addEventListener("popstate", () => { clearTimeout(later); tell(read()); });

function whole(text) { return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null; }

function parsed(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch { return null; }
}
