// Elements are made of text alone: nothing a person has named is ever read as HTML.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function fill(place, ...children) {
  place.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

export const byId = (id) => document.getElementById(id);

// A number as people read it, with a sign where it is one of a direction.
export function shown(value, signed = false) {
  const text = (Math.round(value * 100) / 100).toString().replace("-", "−");
  return signed && value > 0 ? `+${text}` : text;
}

export const words = (name) => name.replaceAll("_", " ");

let timer = 0;

// Says something beside the page, for a while and to screen readers too.
export function say(text, wrong = false) {
  const place = byId("said");
  place.textContent = text;
  place.classList.toggle("wrong", wrong);
  place.hidden = !text;
  clearTimeout(timer);
  timer = setTimeout(() => { place.hidden = true; }, wrong ? 12000 : 4000);
}
