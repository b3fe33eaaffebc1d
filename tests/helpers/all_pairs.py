"""Few combinations of options that hold every pair of option values."""

from itertools import combinations


def all_pairs(options):
    """Combinations of option values that cover every pair of values of two options.

    Greedy: each combination starts with a pair that is still missing and takes, option by option,
    the value that brings the most missing pairs. The same input gives the same combinations.

    Args:
        options: {name: values}, at least two options.

    Returns:
        A list of {name: value}.
    """
    names = list(options)
    missing = {
        ((a, i), (b, j)): None  # a set that keeps its order
        for a, b in combinations(names, 2)
        for i in range(len(options[a]))
        for j in range(len(options[b]))
    }

    def pairs_with(chosen, name, index):
        for other, value in chosen.items():
            ends = ((other, value), (name, index))
            yield ends if names.index(other) < names.index(name) else ends[::-1]

    found = []
    while missing:
        chosen = dict(next(iter(missing)))
        for name in names:
            if name not in chosen:
                gains = [
                    sum(pair in missing for pair in pairs_with(chosen, name, index))
                    for index in range(len(options[name]))
                ]
                # of equals take another each time, so that all values are seen often
                order = [(i + len(found)) % len(gains) for i in range(len(gains))]
                chosen[name] = max(order, key=lambda i, gains=gains: gains[i])
        for a, b in combinations(names, 2):
            missing.pop(((a, chosen[a]), (b, chosen[b])), None)
        found.append({name: options[name][chosen[name]] for name in names})
    return found
