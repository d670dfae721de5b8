"""
Alterations that re-uploaders apply to an image.

`SINGLES` contains every alteration at every strength. `COUNTED` contains those whose copies should
be found. `INTERFACES` contains the phone and desktop screenshots. `random_chain` combines three
alterations. `plain_pictures` returns pictures that are not copies of any photo. `DEMONSTRATED`
contains the alterations that the demonstration shows.
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
