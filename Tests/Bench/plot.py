"""Draws the rows as an SVG: how far each figure is from what it must reach, on a logarithmic scale.

A bar to the right of the line holds, one to the left falls short; ×2 to the right is twice as good as it must be. Rows
that are only written down are left out; one that could not be measured has a cross on the left.
"""
import math
from xml.sax.saxutils import escape

LABELS, BARS, VALUES, ROW, TOP = 560, 380, 200, 24, 56
WORST, BEST = 1 / 8, 8  # where the scale ends; longer bars are cut
HOLDS, SHORT, INK, FAINT = "#2f7d4f", "#b5402f", "#222222", "#cccccc"


def write(path, rows):
    """Writes the plot of rows as they are in results.json."""
    shown = [row for row in rows if row["must"]]
    height = TOP + ROW * len(shown) + 16
    width = LABELS + BARS + VALUES
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<text x="12" y="22" font-size="15" font-weight="bold">wf: measured against what must be reached</text>']
    parts += _axis(height)
    for index, row in enumerate(shown):
        parts += _row(row, TOP + ROW * index)
    with open(path, "w") as file:
        file.write("\n".join(parts + ["</svg>", ""]))


def _axis(height):
    parts = []
    for factor in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8):
        x = _x(factor)
        name = "must" if factor == 1 else f"×{factor:g}" if factor > 1 else f"÷{1 / factor:g}"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 12}" '
                     f'stroke="{INK if factor == 1 else FAINT}"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle">{name}</text>')
    return parts


def _row(row, top):
    label = escape(f"{row['what']}: {row['figure']}")
    middle = top + ROW / 2
    parts = [f'<text x="{LABELS - 10}" y="{middle + 4}" text-anchor="end" font-size="11">{label[:100]}</text>']
    color = HOLDS if row["verdict"] == "holds" else SHORT
    value = f"{row['measured']} ({row['must']})"
    if row["value"] is None:
        parts.append(f'<text x="{_x(WORST)}" y="{middle + 4}" fill="{color}">×</text>')
    else:
        start, end = sorted((_x(1), _x(_goodness(row))))
        parts.append(f'<rect x="{start:.1f}" y="{top + 4}" width="{max(1, end - start):.1f}" height="{ROW - 8}" '
                     f'fill="{color}"/>')
    parts.append(f'<text x="{LABELS + BARS + 10}" y="{middle + 4}" fill="{color}">{escape(value)}</text>')
    return parts


def _goodness(row):
    """How many times better than it must be; below 1 it falls short."""
    comparison, limit = row["must"].split()[:2]
    return row["value"] / float(limit) if comparison == "≥" else float(limit) / row["value"]


def _x(factor):
    share = math.log(min(max(factor, WORST), BEST) / WORST) / math.log(BEST / WORST)
    return LABELS + share * BARS
