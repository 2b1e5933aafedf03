// Elements of the page. They are made of text alone: no name that a person has given is ever read as HTML.

const isThere = (child) => child !== null && child !== undefined;

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else if (isThere(value)) made.setAttribute(name, value);
  }
  made.append(...children.filter(isThere));
  return made;
}

export const fill = (parent, ...children) => parent.replaceChildren(...children.filter(isThere));

export const byId = (id) => document.getElementById(id);

// A number with two digits after the point, and with a sign where it is a position along a direction.
export function rounded(value, signed = false) {
  const text = (Math.round(value * 100) / 100).toString().replace("-", "−");
  return signed && value > 0 ? `+${text}` : text;
}

export const count = (number) => number.toLocaleString("en");

export const words = (name) => name.replaceAll("_", " ");

let timer = 0;

// Shows a message over the page, and to screen readers, until it is closed or its view is left; one that reports no
// mistake goes by itself after some seconds.
export function notify(text, wrong = false) {
  clearTimeout(timer);
  const close = element("button", { type: "button", class: "close", "aria-label": "Close this message", title: "Close (Esc)", onclick: dismiss }, "×");
  fill(byId("messages"), element("div", { class: wrong ? "message wrong" : "message" }, element("span", {}, text), close));
  if (!wrong) timer = setTimeout(dismiss, 6000);
}

export function dismiss() { fill(byId("messages")); }
