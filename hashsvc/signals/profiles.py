"""The fixed numbers of every algorithm, such as thresholds, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """
    One algorithm, and when two of its signals match.

    Attributes:
        name: Prefix of the signal text; it names the algorithm and the format version.

        bits: Length of the code.

        threshold: Largest matching distance in bits, inclusive.

        min_quality: Images below this quality (0–100) are too plain to match on.

        many_per_image: Whether an image has several signals of one view, as for region signals.
    """

    name: str
    bits: int
    threshold: int
    min_quality: int = 50
    many_per_image: bool = False


# facebook/ThreatExchange pdq/README.md, "Matching": 31 of 256 bits, quality 50.
PDQ = Profile(name="pdq1", bits=256, threshold=31)

# Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions"
# (2010), and the imagehash package: 8 of 64 bits is the customary threshold.
PHASH = Profile(name="phash1", bits=64, threshold=8)
DHASH = Profile(name="dhash1", bits=64, threshold=8)

WHASH = Profile(name="whash1", bits=64, threshold=8)

# The same hashes with 16 × 16 instead of 8 × 8 values; the threshold is the same share of the bits.
WIDE_PHASH = Profile(name="widephash1", bits=256, threshold=32)
WIDE_DHASH = Profile(name="widedhash1", bits=256, threshold=32)
WIDE_WHASH = Profile(name="widewhash1", bits=256, threshold=32)

# Our own algorithm. Of the thresholds from 58 to 72 bits, this one separates altered copies best
# from screenshots of different photos in one interface: python -m benchmarks.robustness.
REGION = Profile(name="reg1", bits=256, threshold=68, many_per_image=True)

# A region's contrast is the number of bits by which its place in the candidate is nearer than the
# next best place. The region scores its contrast minus NO_CONTRAST, the contrast that chance gives,
# and at most MOST_CONTRAST. The limits below need at least six regions, because screenshots of
# different photographs in one interface shared up to five icons (in 362,064 pairs). In 34,000 pairs
# chosen because they are easily confused, copies that are hard to match among them, the regions of
# different photographs scored at most 31. Scored by distance alone, they reached 77.
NO_CONTRAST = 10
MOST_CONTRAST = 10
CERTAIN_CONTRAST = 100
LIKELY_CONTRAST = 51

# This many matching regions make a match `possible`, whatever their contrast.
POSSIBLE_REGIONS = 4

SIGNED = (PDQ, PHASH, DHASH, REGION)
"""The algorithms in every signature."""

OTHERS = (WHASH, WIDE_PHASH, WIDE_DHASH, WIDE_WHASH)
"""Algorithms computed only on request: for second opinions, and for other organisations' lists."""

PROFILES = {profile.name: profile for profile in (*SIGNED, *OTHERS)}
