"""The rows of the table: what each measured, what it must reach, and whether that holds."""
import dataclasses
import json
import time

# Where README.md has the table.
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


@dataclasses.dataclass
class Row:
    """One figure.

    `value` is the measured ratio or number, `must` its limit as (comparison, number): ('>=', 15). A row without a
    limit is only written down. `details` are the figures that it was made from, for the JSON.
    """

    name: str
    figure: str
    value: float | None
    must: tuple | None = None
    unit: str = "×"
    note: str = ""
    details: dict = dataclasses.field(default_factory=dict)

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
    return "" if unit == "×" else f" {unit}"


def _short(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_markdown(rows):
    """The rows as they are in results.json, as a table."""
    lines = ["| what | figure | must reach | measured | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        figure = row["figure"] + (f" ({row['note']})" if row["note"] else "")
        lines.append(f"| {row['what']} | {figure} | {row['must']} | {row['measured']} | {row['verdict']} |")
    return "\n".join(lines)


def as_json(row):
    return {"what": row.name, "figure": row.figure, "must": row.must_text, "measured": row.value_text,
            "verdict": row.verdict, "note": row.note, "value": row.value, "unit": row.unit,
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "details": row.details}


def write_json(path, rows, facts, other_cores):
    """Writes the rows; those of an earlier run that were not measured this time stay as they were. Returns them all."""
    try:
        earlier = read_json(path)
    except FileNotFoundError:
        earlier = {"rows": {}, "cores_used_by_others": {}}
    measured = {f"{row.name}: {row.figure}": as_json(row) for row in rows}
    written = {"facts": facts, "cores_used_by_others": {**earlier["cores_used_by_others"], **other_cores},
               "rows": {**earlier["rows"], **measured}}
    with open(path, "w") as file:
        json.dump(written, file, indent=1, ensure_ascii=False)
        file.write("\n")
    return list(written["rows"].values())


def read_json(path):
    with open(path) as file:
        return json.load(file)


def write_readme(path, rows):
    """Puts the table where the README has its place, between two comments."""
    with open(path) as file:
        before, begin, rest = file.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RuntimeError(f"{path} has no place for the table: {BEGIN} ... {END}")
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{as_markdown(rows)}\n{END}{after}")
