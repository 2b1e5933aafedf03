// Small images in a row or a grid, cut from one strip; each is a button. A player shows them in turn, and they are saved
// as an animation.

import { element, fill, notify } from "./dom.js";
import { save } from "./requests.js";
import { state } from "./state.js";

// Draws one of `count` images that stand side by side in a strip.
export function draw(canvas, strip, index = 0, count = 1) {
  const width = strip.width / count;
  canvas.width = width;
  canvas.height = strip.height;
  canvas.getContext("2d").drawImage(strip, index * width, 0, width, strip.height, 0, 0, width, strip.height);
}

// Fills a box with the images of a strip. `pick(index)` is called when one is chosen.
export function thumbnails(box, strip, names, pick, { columns = null, captions = null } = {}) {
  const buttons = box.querySelectorAll("button");
  if (buttons.length === names.length && box.dataset.names === names.join("\n")) { // keeps the focus inside
    buttons.forEach((button, index) => draw(button.firstChild, strip, index, names.length));
  } else {
    fill(box, ...names.map((name, index) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      draw(canvas, strip, index, names.length);
      const caption = captions && element("span", {}, captions[index]);
      const attributes = { type: "button", "aria-label": name, title: name, onclick: () => box.pick(index) };
      return element("button", attributes, canvas, caption);
    }));
    box.dataset.names = names.join("\n");
  }
  box.pick = pick;
  box.classList.add("thumbnails");
  box.style.setProperty("--columns", columns ?? "");
  box.classList.toggle("square", columns !== null);
}

// Marks the image that is shown large.
export function mark(box, index) {
  box.querySelectorAll("button").forEach((button, other) => button.setAttribute("aria-pressed", String(other === index)));
}

// Calls show(index) for the indices of `order`, again and again, every so many milliseconds, until it is stopped.
export class Player {
  constructor(button, show, milliseconds = 70) {
    Object.assign(this, { button, show, milliseconds, timer: 0, order: [] });
    button.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
  }

  start() {
    if (!this.order.length) return;
    let turn = 0;
    this.timer = setInterval(() => { this.show(this.order[turn % this.order.length]); turn += 1; }, this.milliseconds);
    this.button.textContent = "Stop";
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = "Play";
  }
}

// Adds buttons that save an animation. `addressOf(form)` gives its address, `nameOf()` the name of the file without ending.
export function addSaving(box, addressOf, nameOf) {
  for (const [form, title] of [["gif", "For slides and documents; 256 colours per frame"], ["webp", "For web pages; all colours, and a smaller file"]]) {
    const button = element("button", { type: "button", title }, `Save ${{ gif: "GIF", webp: "WebP" }[form]}`);
    button.addEventListener("click", async () => {
      if (button.ariaBusy === "true") return;
      button.ariaBusy = "true"; // a training takes some seconds
      try {
        await save(addressOf(form), `${state.run}-${nameOf()}.${form}`);
      } catch (error) { notify(error.message, true); }
      button.ariaBusy = "false";
    });
    box.append(button);
  }
}

// What every address of an animation says beside its codes: whether single pixels are drawn, as on the page.
export const looks = () => ({ pixels: state.pixels ? 1 : null });

export const thereAndBack = (length) => [...Array(length).keys(), ...[...Array(length).keys()].slice(1, -1).reverse()];
