"""Measures things in turn, A B A B, so that what else happens on the machine meets all of them alike."""
import statistics


def alternate(arms, rounds, unit):
    """Calls every arm once per round, in order.

    `arms` maps a name to a function that measures once and returns a number. Returns the numbers by name.
    """
    figures = {name: [] for name in arms}
    for number in range(1, rounds + 1):
        for name, measure in arms.items():
            figures[name].append(measure())
        latest = "  ".join(f"{name} {values[-1]:.4g}" for name, values in figures.items())
        print(f"  round {number} ({unit}): {latest}", flush=True)
    return figures


def alternate_several(arms, rounds):
    """As `alternate`, for arms that return several figures by name. Returns the numbers by figure, then by arm."""
    figures = {}
    for number in range(1, rounds + 1):
        for name, measure in arms.items():
            for figure, value in measure().items():
                figures.setdefault(figure, {arm: [] for arm in arms})[name].append(value)
        for figure, values in figures.items():
            latest = "  ".join(f"{name} {numbers[-1]:.4g}" for name, numbers in values.items())
            print(f"  round {number} ({figure}): {latest}", flush=True)
    return figures


def median(values):
    return statistics.median(values)


def medians(figures):
    return {name: statistics.median(values) for name, values in figures.items()}


def ratio(figures, one, other):
    """The median of the ratios within each round: what slows the machine for a while slows both of a round."""
    return statistics.median(a / b for a, b in zip(figures[one], figures[other]))


def percentile(values, share):
    """The value below which a share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
