// The graph of a run: a drawing whose nodes lead to the rows of the table of steps.
import { layout } from "./layout.js";

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { width: 168, height: 36, gapX: 56, gapY: 14 };
const MARGIN = 8;
const LETTERS = 16;
const MARKS = { pending: "○", running: "◐", waiting: "◔", done: "✓", skipped: "–", failed: "✕" };

function create(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A curve through points that lie from left to right. */
function curve(points) {
  let path = `M${points[0][0]},${points[0][1].toFixed(1)}`;
  for (let index = 1; index < points.length; index += 1) {
    const [[x, y], [nextX, nextY]] = [points[index - 1], points[index]];
    const half = (x + nextX) / 2;
    path += ` C${half},${y.toFixed(1)} ${half},${nextY.toFixed(1)} ${nextX},${nextY.toFixed(1)}`;
  }
  return path;
}

export class Graph {
  /** @param place the element that gets the drawing; its `.zoom` buttons change its size.
   *  @param steps [{id, op, needs}] */
  constructor(place, steps) {
    const started = performance.now();
    const drawing = layout(steps, SIZE);
    this.milliseconds = performance.now() - started;
    this.place = place;
    this.width = drawing.width + 2 * MARGIN;
    this.height = drawing.height + 2 * MARGIN;
    this.svg = create("svg", {
      viewBox: `${-MARGIN} ${-MARGIN} ${this.width} ${this.height}`, class: "graph",
      role: "group", "aria-label": `Graph of ${steps.length} steps`,
    });
    this.edges = drawing.edges.map((edge) => {
      const path = create("path", { d: curve(edge.points), class: "edge" });
      this.svg.append(path);
      return { ...edge, path };
    });
    const ops = new Map(steps.map((step) => [step.id, step.op]));
    this.nodes = new Map(drawing.nodes.map((node) => [node.id, this.node(node, ops.get(node.id))]));
    place.replaceChildren(this.svg);
    place.dataset.layoutMs = this.milliseconds.toFixed(1);
    this.scale = Math.min(1, Math.max(0.6, place.clientWidth / this.width));
    this.zoom(1);
    // The steps that begin are in the middle of a tall drawing.
    const first = drawing.nodes.find((node) => node.x === 0);
    if (first) place.scrollTop = (first.y + SIZE.height) * this.scale - place.clientHeight / 2;
  }

  node({ id, x, y }, op) {
    const link = create("a", { href: `#step-${id}`, class: "node s-pending", transform: `translate(${x},${y.toFixed(1)})` });
    const title = create("title", {}, `${id} (${op}): pending`);
    const mark = create("text", { x: 12, y: 23, class: "mark", "aria-hidden": "true" }, MARKS.pending);
    const label = id.length > LETTERS ? `${id.slice(0, LETTERS - 1)}…` : id;
    link.append(
      title, create("rect", { width: SIZE.width, height: SIZE.height, rx: 8 }), mark,
      create("text", { x: 30, y: 23 }, label));
    this.svg.append(link);
    return { link, title, mark, op };
  }

  /** Shows the status of a step. */
  show(step) {
    const node = this.nodes.get(step.id);
    if (!node) return;
    const items = step.items ? `, ${step.items.done} of ${step.items.total} items` : "";
    node.link.setAttribute("class", `node s-${step.status}`);
    node.mark.textContent = MARKS[step.status] ?? "";
    node.title.textContent = `${step.id} (${node.op}): ${step.status}${items}`;
    node.link.classList.toggle("degraded", step.degraded);
  }

  /** Marks the critical path.
   *  @param path its steps, the last one first */
  mark(path) {
    const steps = [...path];
    const next = new Map(steps.slice(1).map((id, index) => [id, steps[index]]));
    for (const [id, node] of this.nodes) node.link.classList.toggle("critical", path.has(id));
    for (const edge of this.edges) edge.path.classList.toggle("critical", next.get(edge.from) === edge.to);
  }

  /** Changes the size by a factor. */
  zoom(factor) {
    this.scale = Math.min(2, Math.max(0.05, this.scale * factor));
    this.svg.setAttribute("width", Math.round(this.width * this.scale));
    this.svg.setAttribute("height", Math.round(this.height * this.scale));
  }

  /** Shows all of it. */
  fit() {
    this.scale = 1;
    this.zoom(Math.min(this.place.clientWidth / this.width, (window.innerHeight * 0.7) / this.height, 1));
  }
}
