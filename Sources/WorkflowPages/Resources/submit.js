// The form of a submission: leads from a fault to its place in the text, and puts operations into the steps.
import { announce } from "./refresh.js";

/** Where a way of keys and positions leads to in a JSON text: the offset; undefined where it leads nowhere. */
function offset(text, way) {
  let at = 0;
  const blank = () => { while (at < text.length && " \t\r\n".includes(text[at])) at += 1; };
  const string = () => {
    const start = at;
    at += 1;
    while (at < text.length && text[at] !== "\"") at += text[at] === "\\" ? 2 : 1;
    at += 1;
    return JSON.parse(text.slice(start, at));
  };
  const skip = () => {
    blank();
    if (text[at] === "\"") { string(); return; }
    if (text[at] !== "{" && text[at] !== "[") {
      while (at < text.length && !",]} \t\r\n".includes(text[at])) at += 1;
      return;
    }
    let depth = 0;
    do {
      if (text[at] === "\"") { string(); continue; }
      if (text[at] === "{" || text[at] === "[") depth += 1;
      if (text[at] === "}" || text[at] === "]") depth -= 1;
      at += 1;
    } while (depth > 0 && at < text.length);
  };
  for (const part of way) {
    blank();
    if (text[at] !== "{" && text[at] !== "[") break;
    const isObject = text[at] === "{";
    at += 1;
    for (let index = 0; ; index += 1) {
      blank();
      if (at >= text.length || text[at] === "}" || text[at] === "]") return undefined;
      let key = index;
      if (isObject) {
        key = string();
        blank();
        at += 1;
        blank();
      }
      if (String(key) === String(part)) break;
      skip();
      blank();
      if (text[at] === ",") at += 1;
    }
  }
  blank();
  const start = at;
  skip();
  return [start, at];
}

for (const link of document.querySelectorAll("a[data-way]")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.focus();
    const place = field.tagName === "TEXTAREA" ? offset(field.value, JSON.parse(link.dataset.way)) : undefined;
    if (!place) return;
    field.setSelectionRange(...place);
    const lines = field.value.slice(0, place[0]).split("\n").length;
    field.scrollTop = Math.max(0, (lines - 4) * parseFloat(getComputedStyle(field).lineHeight));
  });
}

/** Adds a step to the text of the steps, if that is a JSON array. */
function addStep(op) {
  const field = document.getElementById("steps");
  let steps;
  try {
    steps = JSON.parse(field.value.trim() === "" ? "[]" : field.value);
  } catch {
    announce("The steps are no JSON yet.");
    return;
  }
  if (!Array.isArray(steps)) return;
  const known = new Set(steps.map((step) => step?.id));
  let number = steps.length + 1;
  while (known.has(`step${number}`)) number += 1;
  const last = steps.at(-1)?.id;
  steps.push({ id: `step${number}`, op, ...(last ? { needs: [last] } : {}), params: {} });
  field.value = `[\n${steps.map((step) => `  ${JSON.stringify(step)}`).join(",\n")}\n]`;
  field.focus();
  announce(`A step with ${op} is added.`);
}

for (const button of document.querySelectorAll("button[data-op]")) {
  button.hidden = false;
  button.addEventListener("click", () => addStep(button.dataset.op));
}
