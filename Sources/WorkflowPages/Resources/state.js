// What the log of a run says of its steps: the rules of StepView.swift, and each attempt for the timeline.

const fresh = ({ id, op, needs, index }) => ({
  id, op, needs, index, status: "pending", started: null, finished: null, attempts: [], items: null, degraded: false,
  error: null,
});

export class RunState {
  /** @param steps [{id, op, needs}] */
  constructor(steps) {
    this.steps = new Map(steps.map((step, index) => [step.id, fresh({ ...step, index })]));
    this.status = "queued";
    // When the run was last run again.
    this.reopened = null;
    this.entries = 0;
    this.last = 0;
  }

  /** Takes an entry of the log.
   *  @returns the id of the step that it changes; undefined for an entry of the run. */
  apply(entry) {
    this.entries += 1;
    this.last = entry.ts;
    if (entry.msg === "retried") this.reopened = entry.ts;
    if (entry.msg === "resumed") this.interrupt(entry.ts, false);
    if (entry.step === undefined) {
      if (entry.msg === "failed" || entry.msg === "cancelled") this.interrupt(entry.ts, true);
      return undefined;
    }
    let step = this.steps.get(entry.step);
    if (!step) {
      step = fresh({ id: entry.step, op: entry.op ?? "", needs: [], index: this.steps.size });
      this.steps.set(entry.step, step);
    }
    if (entry.msg === "step_reset") {
      this.steps.set(step.id, fresh(step));
    } else {
      change(step, entry);
    }
    return step.id;
  }

  /** Nothing is running any more; with the end of the run nothing waits either. */
  interrupt(time, withWaiting) {
    for (const step of this.steps.values()) {
      if (step.status === "running" || (withWaiting && step.status === "waiting")) {
        step.status = "pending";
        close(step, time, "interrupted");
      }
    }
  }
}

function close(step, time, outcome, error) {
  const last = step.attempts.at(-1);
  if (last && last.end === null) Object.assign(last, { end: time, outcome, error });
}

function change(step, entry) {
  switch (entry.msg) {
    case "step_start":
      close(step, entry.ts, "interrupted");
      step.status = "running";
      step.op = entry.op ?? step.op;
      step.started ??= entry.ts;
      step.attempts.push({ start: entry.ts, end: null, outcome: "running" });
      break;
    case "step_progress":
      step.status = "running";
      step.started ??= entry.ts;
      if (step.attempts.length === 0) step.attempts.push({ start: entry.ts, end: null, outcome: "running" });
      step.items = { done: entry.done, failed: entry.failed, total: entry.total };
      break;
    case "step_retry":
      if (entry.item !== undefined) break;
      step.status = "waiting";
      if (entry.waits_for) step.attempts.pop();
      else close(step, entry.ts, "failed", entry.error);
      break;
    case "llm_fallback":
      step.degraded = true;
      break;
    case "step_done": end(step, entry, "done"); break;
    case "step_skipped": end(step, entry, "skipped"); break;
    case "step_failed": end(step, entry, "failed"); break;
    default:
  }
}

function end(step, entry, status) {
  step.status = status;
  step.finished = entry.ts;
  step.error = entry.error ?? null;
  close(step, entry.ts, status, entry.error);
}

/** The steps that have determined how long the run took: from the last one to end back to a step without needs, each
 *  time to the one that was waited for longest. Of a run under way: the steps up to the one that has been running for
 *  longest.
 *  @returns their ids, the last one first */
export function criticalPath(steps) {
  const path = new Set();
  const isUnderWay = (step) => step.status === "running" || step.status === "waiting";
  // A step under way ends after all that have ended; of several, the one that began first counts.
  const place = (step) => (isUnderWay(step) ? [1, -(step.started ?? 0)] : [0, step.finished ?? -Infinity]);
  const isLater = ([kind, time], [otherKind, otherTime]) => kind > otherKind || (kind === otherKind && time > otherTime);
  const last = (ids) => {
    let found = null;
    for (const id of ids) {
      const step = steps.get(id);
      if (!step || (step.finished == null && !isUnderWay(step))) continue;
      if (!found || isLater(place(step), place(found))) found = step;
    }
    return found;
  };
  for (let step = last(steps.keys()); step && !path.has(step.id); step = last(step.needs)) path.add(step.id);
  return path;
}

/** Seconds as people read them. */
export function duration(seconds) {
  if (!(seconds > 0)) return "0 ms";
  if (seconds < 0.01) return `${Math.round(seconds * 100000) / 100} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 86400), "d"], [Math.floor(whole / 3600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map((part) => part.join(" ")).join(" ");
}
