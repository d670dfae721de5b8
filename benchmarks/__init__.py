"""
Measurements, one question a script, and the demonstration; both on real photographs.

    python -m benchmarks.demo       the whole job, on a small web site of altered copies
    python -m benchmarks.hashing    how long hashing takes, and how far the fast way strays
"""
