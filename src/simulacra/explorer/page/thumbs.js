// Small pictures in a row or a grid, cut from one image; each is a button.

import { element, fill } from "./element.js";

// Draws one of `count` pictures that stand side by side in a bitmap.
export function draw(canvas, strip, place = 0, count = 1) {
  const width = strip.width / count;
  canvas.width = width;
  canvas.height = strip.height;
  canvas.getContext("2d").drawImage(strip, place * width, 0, width, strip.height, 0, 0, width, strip.height);
}

export function thumbs(place, strip, names, pick, { columns = null, captions = false } = {}) {
  const count = names.length;
  const before = place.querySelectorAll("button");
  if (before.length === count && place.dataset.names === names.join("\n")) { // a focus within stays where it is
    before.forEach((button, number) => draw(button.firstChild, strip, number, count));
  } else {
    fill(place, ...names.map((name, number) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      draw(canvas, strip, number, count);
      return element("button", { type: "button", "aria-label": name, title: name, onclick: () => place.pick(number) }, canvas, captions ? element("span", {}, name.replace("Step ", "")) : null);
    }));
    place.dataset.names = names.join("\n");
  }
  place.pick = pick;
  place.classList.add("thumbs");
  place.style.setProperty("--columns", columns ?? "");
  place.classList.toggle("square", columns !== null);
}

// Marks the picture that is shown large.
export function mark(place, number) {
  place.querySelectorAll("button").forEach((button, other) => button.setAttribute("aria-pressed", String(other === number)));
}

// Plays numbers again and again until it is called with none.
export class Player {
  constructor(button, show) {
    Object.assign(this, { button, show, timer: 0, order: [] });
    button.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
  }

  start() {
    if (!this.order.length) return;
    let place = 0;
    this.timer = setInterval(() => { this.show(this.order[place % this.order.length]); place += 1; }, 70);
    this.button.textContent = "Stop";
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = "Play";
  }
}

export const thereAndBack = (count) => [...Array(count).keys(), ...[...Array(count).keys()].slice(1, -1).reverse()];
