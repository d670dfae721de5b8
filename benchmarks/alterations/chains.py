"""Chains of several alterations, applied one after another."""

import numpy as np

from benchmarks.alterations.base import Alteration, chained
from benchmarks.alterations.catalogue import COUNTED
from benchmarks.alterations.drawing import pick

_LENGTH = 3


def random_chain(rng: np.random.Generator, length: int = _LENGTH) -> Alteration:
    """
    Return a chain of different kinds, drawn at random from `COUNTED`.

    All kinds are equally likely, and so are all strengths of a kind.
    """
    kinds: dict[str, list[Alteration]] = {}
    for alteration in COUNTED:
        kinds.setdefault(alteration.name, []).append(alteration)
    names = [str(name) for name in rng.choice(list(kinds), length, replace=False)]
    return chained(tuple(pick(rng, kinds[name]) for name in names))
