"""
What re-uploaders do to an image.

`SINGLES` are all alterations, each at one strength; `COUNTED` those of them that a copy should
survive; `INTERFACES` the phone and desktop screenshots; `random_chain` puts three together.
`plain_pictures` are no copies of anything. `DEMONSTRATED` are the few that the demonstration shows.
"""

from benchmarks.alterations.base import Alteration, Scene, chained, opened
from benchmarks.alterations.catalogue import COUNTED, INTERFACES, SINGLES
from benchmarks.alterations.chains import random_chain
from benchmarks.alterations.demonstrated import DEMONSTRATED, Demonstrated
from benchmarks.alterations.plain import plain_pictures

__all__ = [
    "COUNTED",
    "DEMONSTRATED",
    "INTERFACES",
    "SINGLES",
    "Alteration",
    "Demonstrated",
    "Scene",
    "chained",
    "opened",
    "plain_pictures",
    "random_chain",
]
