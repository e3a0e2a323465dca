"""The rows of the table: what each measured, what it must reach, and whether that holds."""
import dataclasses
import json
import time

# Where README.md and RESULTS.md have their tables.
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

# The rows that README.md shows, by their names in results.json.
IN_README = [
    "drain, one worker process: runs/s against ARQ",
    "submit → finished, idle stack: p50 against ARQ's, poll 10 ms",
    "recovery: seconds from kill -9 of the only worker until its job runs again, defaults",
]


@dataclasses.dataclass
class Row:
    """One figure.

    `group` is the module that measured it, `value` the measured ratio or number, `must` its limit as (comparison, number),
    such as ('>=', 15), `aim` what would be better still. A row without a limit is only written down. `details` are the
    figures that it was made from, for the JSON.
    """

    name: str
    figure: str
    value: float | None
    must: tuple | None = None
    unit: str = "×"
    note: str = ""
    details: dict = dataclasses.field(default_factory=dict)
    aim: float | None = None
    group: str = ""

    @property
    def holds(self):
        if self.must is None:
            return None
        if self.value is None:
            return False
        comparison, limit = self.must
        return self.value >= limit if comparison == ">=" else self.value <= limit

    @property
    def verdict(self):
        return {None: "written down", True: "holds", False: "falls short"}[self.holds]

    @property
    def must_text(self):
        if self.must is None:
            return ""
        return f"{'≥' if self.must[0] == '>=' else '≤'} {self.must[1]:g}{_suffix(self.unit)}"

    @property
    def value_text(self):
        return "not measured" if self.value is None else f"{_short(self.value)}{_suffix(self.unit)}"


def _suffix(unit):
    return f" {unit}" if unit not in ("", "×") else ""


def _short(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_markdown(rows):
    """The rows as they are in results.json, as a table."""
    lines = ["| what | figure | must reach | measured | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        figure = row["figure"] + (f" ({row['note']})" if row["note"] else "")
        must = row["must"] + (f" (aim {row['aim']:g})" if row.get("aim") else "")
        lines.append(f"| {row['what']} | {figure} | {must} | {row['measured']} | {row['verdict']} |")
    return "\n".join(lines)


def as_json(row):
    return {"group": row.group, "what": row.name, "figure": row.figure, "must": row.must_text, "aim": row.aim, "measured": row.value_text,
            "verdict": row.verdict, "note": row.note, "value": row.value, "unit": row.unit,
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "details": row.details}


def write_json(path, rows, facts, other_cores):
    """Writes the rows; those of groups that were not measured this time stay as they were. Returns it all."""
    try:
        earlier = read_json(path)
    except FileNotFoundError:
        earlier = {"facts": {}, "rows": {}, "cores_used_by_others": {}}
    measured = {f"{row.name}: {row.figure}": as_json(row) for row in rows}
    groups = {row.group for row in rows}
    kept = {name: row for name, row in earlier["rows"].items() if row.get("group") not in groups}
    written = {"facts": {**earlier["facts"], **facts}, "cores_used_by_others": {**earlier["cores_used_by_others"], **other_cores},
               "rows": {**kept, **measured}}
    with open(path, "w") as file:
        json.dump(written, file, indent=1, ensure_ascii=False)
        file.write("\n")
    return written


def read_json(path):
    with open(path) as file:
        return json.load(file)


def write_results(path, results):
    """Puts all rows in RESULTS.md, and what else ran while they were measured."""
    facts, others = results["facts"], results["cores_used_by_others"]
    used = ", ".join(f"{group} {cores:.2f}" for group, cores in others.items())
    lines = [as_markdown(results["rows"].values()), "", f"Cores that other programs used meanwhile, of {facts['cores']}: {used}."]
    if "base" in facts:
        lines.append(f"The base is commit {facts['base']}.")
    _replace(path, "\n".join(lines))


def write_readme(path, rows):
    """Puts a few rows in README.md."""
    lines = ["| what | figure | measured | |", "| --- | --- | --- | --- |"]
    for row in filter(None, map(rows.get, IN_README)):
        lines.append(f"| {row['what']} | {row['figure']} | {row['measured']} | {row['note']} |")
    _replace(path, "\n".join(lines))


def _replace(path, text):
    """Puts a text between the two comments of a file."""
    with open(path) as file:
        before, begin, rest = file.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RuntimeError(f"{path} has no place for the table: {BEGIN} ... {END}")
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")
