// Requests. Each view has at most one on its way, and of the wishes that wait for it only the newest is sent.

const PAGE = crypto.getRandomValues(new Uint32Array(2)).join("-");
const PATIENCE = 400; // milliseconds after which a request that is overtaken is given up
let turn = 0;

export class Refused extends Error {}

export function path(place, query = {}) {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) told.append(name, typeof one === "object" ? JSON.stringify(one) : one);
    }
  }
  return `${place}?${told}`;
}

async function sent(address, { view = "", signal, body } = {}) {
  turn += 1;
  const headers = { "X-Page": PAGE, "X-View": view, "X-Turn": String(turn) };
  if (!view) delete headers["X-Page"];
  const options = { headers, signal, cache: "no-store" };
  if (body !== undefined) Object.assign(options, { method: "POST", body });
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the explorer does not answer; is its command still running?");
  }
  if (answer.status === 204) throw new DOMException("overtaken", "AbortError");
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(told.error ?? `the explorer failed (${answer.status}); its terminal says why`);
  }
  return answer;
}

export const json = async (address, options) => (await sent(address, options)).json();

export async function bitmap(address, options) {
  return createImageBitmap(await (await sent(address, options)).blob());
}

// One view: `show(make)` gives make(signal) its turn, and drops it if a newer one comes before.
export class View {
  constructor(name, failed) { Object.assign(this, { name, failed, waiting: null, running: null, since: 0 }); }

  async show(make) {
    if (this.running) {
      this.waiting = make;
      if (performance.now() - this.since > PATIENCE) this.running.abort();
      return;
    }
    this.running = new AbortController();
    this.since = performance.now();
    try {
      await make({ view: this.name, signal: this.running.signal });
    } catch (error) {
      if (error.name !== "AbortError") this.failed(error);
    }
    this.running = null;
    const next = this.waiting;
    this.waiting = null;
    if (next) await this.show(next);
  }
}
