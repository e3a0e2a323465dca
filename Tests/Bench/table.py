"""The rows of the table: what each measured, what it must reach, and whether that holds."""
import dataclasses
import json
import time


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
    lines = ["| what | figure | must reach | measured | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        figure = row.figure + (f" ({row.note})" if row.note else "")
        lines.append(f"| {row.name} | {figure} | {row.must_text} | {row.value_text} | {row.verdict} |")
    return "\n".join(lines)


def write_json(path, rows, facts):
    """Writes the rows; those of an earlier run that were not measured this time stay as they were."""
    measured = {row.name + ": " + row.figure: {
        "what": row.name, "figure": row.figure, "must": row.must_text, "value": row.value, "unit": row.unit,
        "verdict": row.verdict, "note": row.note, "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "details": row.details} for row in rows}
    kept = {}
    try:
        kept = read_json(path)["rows"]
    except FileNotFoundError:
        pass
    with open(path, "w") as file:
        json.dump({"facts": facts, "rows": {**kept, **measured}}, file, indent=1, ensure_ascii=False)
        file.write("\n")


def read_json(path):
    with open(path) as file:
        return json.load(file)
