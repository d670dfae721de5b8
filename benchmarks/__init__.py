"""
Measurements, one question a script, and the demonstration; all on real photographs, but for speed
of matching, which needs more codes than these have, and removal, where any picture will do.

    python -m benchmarks.demo         the whole job, on a small web site of altered copies
    python -m benchmarks.removal      months of removal requests on a small internet of platforms
    python -m benchmarks.hashing      how long hashing takes, and how far the fast way strays
    python -m benchmarks.robustness   how many altered copies are found, and what wrongly
    python -m benchmarks.matching     how fast codes are found, beside what others have for it
    python -m benchmarks.inversion    what can be rebuilt of an image from its codes
"""
