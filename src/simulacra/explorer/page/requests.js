// Requests to the explorer. A view waits for one answer at a time; of its further requests only the newest is kept.

export class RequestError extends Error {}

// An address with a query; a list repeats its name, other objects are written as JSON, null is left out.
export function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === null || item === undefined) continue;
      parameters.append(name, typeof item === "object" ? JSON.stringify(item) : item);
    }
  }
  return `${path}?${parameters}`;
}

async function answer(url, body) {
  const options = body === undefined ? {} : { method: "POST", body };
  let response;
  try {
    response = await fetch(url, { ...options, cache: "no-store" });
  } catch {
    throw new RequestError("the explorer does not answer; is its command still running?");
  }
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({}));
    throw new RequestError(error ?? `the explorer failed (${response.status}); its terminal says why`);
  }
  return response;
}

export const blob = async (url) => (await answer(url)).blob();
export const json = async (url, body) => (await answer(url, body)).json();
export const bitmap = async (url) => createImageBitmap(await blob(url));

// Saves the answer of an address as a file.
export async function save(url, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await blob(url));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A part of the page that shows the answer to its newest request.
export class View {
  constructor(failed) { Object.assign(this, { failed, waiting: null, busy: false }); }

  // Asks with `ask(replaced)`, then shows the answer with `draw(answer)`. `subject` says what the answer is about: an
  // answer is dropped as soon as a request about another subject waits, so nothing of a run that was left is drawn.
  async show(subject, ask, draw) {
    this.waiting = { subject, ask, draw };
    if (this.busy) return;
    this.busy = true;
    while (this.waiting) await this.next();
    this.busy = false;
  }

  async next() {
    const { subject, ask, draw } = this.waiting;
    this.waiting = null;
    const replaced = () => this.waiting !== null && this.waiting.subject !== subject;
    try {
      const received = await ask(replaced);
      if (!replaced()) draw(received);
    } catch (error) {
      if (!replaced()) this.failed(error);
    }
  }
}
