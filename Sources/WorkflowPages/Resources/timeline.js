// The attempts of each step as bars on one scale.
import { duration } from "./state.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 12;

function bar(attempt, from, span, now) {
  const end = attempt.end ?? now;
  const rect = document.createElementNS(SVG, "rect");
  const x = Math.min(WIDTH - 2, ((attempt.start - from) / span) * WIDTH);
  rect.setAttribute("x", x.toFixed(1));
  rect.setAttribute("width", Math.max(2, Math.min(WIDTH - x, ((end - attempt.start) / span) * WIDTH)).toFixed(1));
  rect.setAttribute("height", HEIGHT);
  rect.setAttribute("class", `s-${attempt.outcome}`);
  return rect;
}

function row(step, from, span, now) {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = step.id;
  const cell = document.createElement("td");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "bars");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", step.attempts.map((attempt, index) => {
    const time = duration((attempt.end ?? now) - attempt.start);
    return `attempt ${index + 1}: ${attempt.outcome}, ${time}, ${duration(attempt.start - from)} after the start`;
  }).join("; "));
  for (const attempt of step.attempts) svg.append(bar(attempt, from, span, now));
  cell.append(svg);
  const time = document.createElement("td");
  time.className = "number";
  time.textContent = duration((step.attempts.at(-1).end ?? now) - step.attempts[0].start);
  line.append(name, cell, time);
  return line;
}

/** Draws the attempts, of a run that was run again those since then: between them and the others may lie days.
 *  @param body the body of the table
 *  @param isLive whether attempts without an end are under way */
export function drawTimeline(body, state, isLive) {
  const begin = state.reopened ?? 0;
  const steps = [...state.steps.values()].filter((step) => step.attempts[0]?.start >= begin);
  body.closest("section").hidden = steps.length === 0;
  if (steps.length === 0) return;
  const now = isLive ? Math.max(state.last, Date.now() / 1000) : state.last;
  const from = Math.min(...steps.map((step) => step.attempts[0].start));
  const span = Math.max(0.001, now - from);
  steps.sort((one, other) => one.attempts[0].start - other.attempts[0].start || one.index - other.index);
  body.replaceChildren(...steps.map((step) => row(step, from, span, now)));
}
