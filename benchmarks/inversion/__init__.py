"""
What a thief of the stored codes can rebuild of the images they were made from.

    python -m benchmarks.inversion --photos DIR [--photos DIR2] [--seed N] [--json OUT] [--plot OUT]

The first folder's photographs are the attacker's own, to learn from; those of the second are
attacked (with one folder, a third of it is kept for that). Attacked are the `pdq1` signal, the set
of `reg1` signals, and all signals of a content together. Each attack rebuilds a grey thumbnail of
32 × 32 pixels, which is compared with the true one: Pearson correlation, structural similarity
(SSIM), and whether the true photograph is the nearest of all attacked ones. Patches of single
region codes are rebuilt as well.

These attacks are linear and learn from few photographs: what they rebuild is the least that an
attacker gets, not the most.
"""
