// Documents that can be folded and searched. A text that is no JSON, or was cut, stays as it is.

const OPEN_LEVELS = 1;
const MOST_MATCHES = 100;
const PORTION = 200;

const isBranch = (value) => value !== null && typeof value === "object";
const label = (value) => (Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`);
// Numbers are shown as a program in this language reads them; the text of the document is behind its link.
const short = (value) => JSON.stringify(value);

function leaf(key, value) {
  const line = document.createElement("div");
  line.className = "leaf";
  const text = document.createElement("span");
  text.className = `v-${value === null ? "null" : typeof value}`;
  text.textContent = typeof value === "string" ? value : short(value);
  if (key !== null) line.append(`${key}: `);
  line.append(text);
  return line;
}

/** A part of a document; what is in it is made when it is opened. */
function branch(key, value, level) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = key === null ? label(value) : `${key} ${label(value)}`;
  details.append(summary);
  const entries = Object.entries(value);
  let shown = 0;
  const more = () => {
    const until = Math.min(entries.length, shown + PORTION);
    for (; shown < until; shown += 1) details.append(node(...entries[shown], level + 1));
    if (shown >= entries.length) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = `${entries.length - shown} more`;
    button.addEventListener("click", () => { button.remove(); more(); });
    details.append(button);
  };
  const fill = () => { if (shown === 0) more(); };
  details.addEventListener("toggle", fill);
  if (level < OPEN_LEVELS) {
    fill();
    details.open = true;
  }
  details.unfold = (name) => {
    fill();
    while (shown <= entries.findIndex(([entry]) => entry === name) && details.lastChild.tagName === "BUTTON") {
      details.lastChild.remove();
      more();
    }
    details.open = true;
    return details.children[1 + entries.findIndex(([entry]) => entry === name)];
  };
  return details;
}

const node = (key, value, level) => (isBranch(value) && Object.keys(value).length > 0
  ? branch(key, value, level) : leaf(key, value));

/** The ways to the parts of a value that have a text in their key or their value. */
function search(value, text, way, found) {
  if (found.length >= MOST_MATCHES) return;
  for (const [key, member] of Object.entries(value)) {
    const own = isBranch(member) ? key : `${key} ${typeof member === "string" ? member : short(member)}`;
    if (own.toLowerCase().includes(text)) found.push([...way, key]);
    if (isBranch(member)) search(member, text, [...way, key], found);
  }
}

function reveal(tree, way) {
  let at = tree;
  for (const key of way) at = at?.unfold?.(key) ?? null;
  at?.classList.add("match");
  return at;
}

/** Makes trees of the documents below an element, and lets its search field find what they say. */
export function unfold(place) {
  const documents = [];
  for (const text of place.querySelectorAll("pre.json:not([data-cut])")) {
    try {
      const value = JSON.parse(text.textContent);
      if (!isBranch(value) || Object.keys(value).length === 0) continue;
      const tree = branch(null, value, 0);
      tree.className = "tree";
      text.replaceWith(tree);
      documents.push({ value, tree, details: tree.parentElement.closest("details") });
    } catch {
      // It stays a text.
    }
  }
  const field = place.querySelector("input[type=search]");
  const output = place.querySelector("output");
  if (!field) return;
  place.querySelector(".search").hidden = documents.length === 0;
  field.addEventListener("input", () => {
    for (const old of place.querySelectorAll(".match")) old.classList.remove("match");
    const text = field.value.trim().toLowerCase();
    let count = 0;
    for (const { value, tree, details } of text === "" ? [] : documents) {
      const found = [];
      search(value, text, [], found);
      if (found.length > 0 && details) details.open = true;
      for (const way of found) if (reveal(tree, way)) count += 1;
    }
    output.textContent = text === "" ? "" : `${count}${count >= MOST_MATCHES ? " or more" : ""} found`;
  });
}
