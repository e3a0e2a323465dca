// The page of a run, live: events of the log move its graph, its table, its timeline and its log.
import { Graph } from "./graph.js";
import { drawTimeline } from "./timeline.js";
import { unfold } from "./json.js";
import { RunState, criticalPath, duration } from "./state.js";
import { announce, refresh } from "./refresh.js";

const ENDED = ["finished", "failed", "cancelled"];
const MOST_LINES = 2000;
const MOST_TEXT = 200000;
const LIVE_PARTS = ["summary", "actions", "documents"];

const page = document.getElementById("run");
const rows = new Map();
const steps = [...document.querySelectorAll("tr[data-step]")].map((row) => {
  rows.set(row.dataset.step, row);
  return { id: row.dataset.step, op: row.dataset.op, needs: JSON.parse(row.dataset.needs) };
});
const state = new RunState(steps);
const since = Number(page.dataset.since);
const place = document.getElementById("graph");
// Shown first: its width says how large the drawing is.
document.getElementById("graph-section").hidden = false;
const graph = new Graph(place, steps);
const timeline = document.querySelector("#timeline tbody");
const log = document.getElementById("entries");
const texts = document.getElementById("texts");
const changed = new Set(state.steps.keys());
let lines = [];
let isScheduled = false;
let isCaughtUp = false;
let created = Number(page.dataset.created);

// What is not in the events that follow, the page says.
if (since > 0) {
  for (const [id, row] of rows) {
    const number = (text) => (text ? Number(text) : null);
    Object.assign(state.steps.get(id), {
      status: row.dataset.status, started: number(row.dataset.started), finished: number(row.dataset.finished),
    });
  }
} else {
  // All of it comes as events.
  log.replaceChildren();
  document.getElementById("log-hint")?.remove();
}

for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    if (button.dataset.zoom === "fit") graph.fit();
    else graph.zoom(Number(button.dataset.zoom));
  });
}
unfold(document.getElementById("documents"));

function showRow(step) {
  const row = rows.get(step.id);
  if (!row) return;
  row.dataset.status = step.status;
  const badge = row.querySelector(".badge");
  badge.className = `badge s-${step.status}`;
  badge.textContent = step.status;
  if (step.items) {
    const { done, failed, total } = step.items;
    row.querySelector(".items").textContent = ` ${done} of ${total}${failed > 0 ? `, ${failed} failed` : ""}`;
  }
  row.querySelector(".attempts").textContent = step.attempts.length || "";
  const end = step.finished ?? (step.status === "running" && isCaughtUp ? Date.now() / 1000 : null);
  row.querySelector(".took").textContent = step.started && end ? duration(end - step.started) : "";
}

function line(entry) {
  const item = document.createElement("li");
  const time = document.createElement("span");
  time.className = "time";
  time.textContent = `+${duration(Math.max(0, entry.ts - created))}`;
  const name = document.createElement("b");
  name.textContent = entry.msg;
  item.append(time, name);
  if (entry.step !== undefined) {
    const link = document.createElement("a");
    link.href = `#step-${entry.step}`;
    link.textContent = entry.item === undefined ? entry.step : `${entry.step}[${entry.item}]`;
    item.append(link);
  }
  const known = new Set(["ts", "msg", "step", "item", "outputs", "op", "run"]);
  const word = (key, value) => {
    if (key === "retry_at") return new Date(value * 1000).toISOString().slice(0, 19).replace("T", " ");
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  const more = Object.entries(entry).filter(([key]) => !known.has(key)).map(([key, value]) => (
    `${key} ${word(key, value)}`));
  if (more.length > 0) item.append(more.join(" · "));
  if (/fail|retry|fallback|cancel/.test(entry.msg)) item.className = "bad";
  return item;
}

/** Shows what has changed, at most once a frame. */
function draw() {
  isScheduled = false;
  for (const id of changed) {
    const step = state.steps.get(id);
    graph.show(step);
    showRow(step);
  }
  const isEnded = ENDED.includes(state.status);
  if (changed.size > 0 || isEnded) graph.mark(criticalPath(state.steps));
  changed.clear();
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  log.append(...lines);
  lines = [];
  while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  drawSoon();
}

let lastTimeline = 0;
let timelineTimer = null;

/** Draws the timeline; of many steps seldom, as each bar changes with the scale. */
function drawSoon() {
  if (timelineTimer !== null) return;
  const pause = state.steps.size > 200 ? 2000 : 250;
  timelineTimer = setTimeout(() => {
    timelineTimer = null;
    lastTimeline = performance.now();
    drawTimeline(timeline, state, state.status === "started");
  }, Math.max(0, lastTimeline + pause - performance.now()));
}

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  // Not by frames: a page in the background has none.
  setTimeout(draw, 30);
}

function showUpdate(id) {
  if (id === undefined) return;
  changed.add(id);
  // The text of a model is in the outputs when its step has ended.
  if (["done", "failed", "skipped"].includes(state.steps.get(id)?.status)) {
    for (const text of texts.querySelectorAll(`[data-of="${CSS.escape(id)}"]`)) text.dataset.ended = "1";
  }
}

const source = new EventSource(`${page.dataset.events}?since=${since}`);
const receive = (handler) => (event) => {
  handler(JSON.parse(event.data));
  schedule();
};

source.onmessage = receive((entry) => {
  if (created === 0) created = entry.ts;
  if (entry.msg === "retried") for (const step of state.steps.keys()) changed.add(step);
  showUpdate(state.apply(entry));
  for (const step of state.steps.values()) if (step.status === "pending") changed.add(step.id);
  lines.push(line(entry));
});

source.addEventListener("status", receive(async ({ status }) => {
  const before = state.status;
  state.status = status;
  isCaughtUp = true;
  if (ENDED.includes(status)) source.close();
  if (page.dataset.status === status && before === "queued") return;
  page.dataset.status = status;
  announce(`The run is ${status}.`);
  await refresh(LIVE_PARTS);
  unfold(document.getElementById("documents"));
}));

source.onopen = () => { page.dataset.stream = "open"; };
source.onerror = () => { page.dataset.stream = source.readyState === EventSource.CLOSED ? "closed" : "waiting"; };

function article({ step, item }) {
  const name = item === undefined ? step : `${step}[${item}]`;
  let found = texts.querySelector(`[data-name="${CSS.escape(name)}"]`);
  if (!found) {
    found = document.createElement("article");
    found.dataset.name = name;
    found.dataset.of = step;
    const title = document.createElement("h3");
    title.textContent = name;
    const text = document.createElement("pre");
    text.tabIndex = 0;
    text.setAttribute("aria-label", `What the model writes for ${name}`);
    found.append(title, text);
    texts.append(found);
    document.getElementById("texts-section").hidden = false;
  }
  return found.querySelector("pre");
}

for (const kind of ["text", "token", "reset"]) {
  source.addEventListener(kind, receive((data) => {
    const text = article(data);
    if (kind === "token") text.append(data.text);
    else text.textContent = data.text ?? "";
    if (text.textContent.length > MOST_TEXT) text.textContent = `…${text.textContent.slice(-MOST_TEXT / 2)}`;
    text.scrollTop = text.scrollHeight;
  }));
}

// Running steps grow older.
setInterval(() => {
  if (state.status !== "started") return;
  for (const step of state.steps.values()) if (step.status === "running") showRow(step);
  drawSoon();
}, 1000);

schedule();
