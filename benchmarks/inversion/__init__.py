"""
Measures how much of an image an attacker can rebuild from its stolen codes.

    python -m benchmarks.inversion --photos DIR [--photos DIR2] [--crops N] [--seed N]
                                   [--json OUT] [--plot OUT]

The attacker learns from the photographs in the first folder, and attacks those in the second. If
there is only one folder, a third of it is attacked. The attacks use the `pdq1` signal, the set of
`reg1` signals, or all signals of a content. Each attack rebuilds a grey thumbnail of 32 × 32
pixels. It is compared with the true one by Pearson correlation, structural similarity (SSIM), and
whether the true photograph is the nearest of all attacked ones. Other attacks rebuild the patches
of single region codes.

These attacks are linear and learn from few photographs, so they show the least that an attacker can
rebuild, not the most.
"""
