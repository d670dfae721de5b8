"""
The demonstration, and measurements that each answer one question.

    python -m benchmarks.demo         the whole job, on a small web site of altered copies
    python -m benchmarks.removal      months of removal requests on a small internet of platforms
    python -m benchmarks.hashing      how long hashing takes, and how close fast PDQ is to exact PDQ
    python -m benchmarks.robustness   how many altered copies are found, and how many false matches
    python -m benchmarks.matching     how fast codes are found, compared with other searchers
    python -m benchmarks.retroactive  how soon a new content is matched with earlier candidates
    python -m benchmarks.scanning     how fast pages are scanned, compared with hashing alone
    python -m benchmarks.pages        which images of pages are found, compared with Chromium
    python -m benchmarks.inversion    how much of an image can be rebuilt from its codes

Most use real photographs. `matching` and `retroactive` need more codes than photographs give, and
`removal` and `pages` draw their pictures.
"""
