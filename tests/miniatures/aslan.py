"""ASLAN in small: samples by number, and the pairs of View 2 in a MATLAB file."""

from pathlib import Path

import numpy as np

from .clips import write_clip


def write_aslan(root, n_videos=12, n_actions=4, n_pairs=8, n_splits=10, seed=0):
    """Write ASLAN_AVI/0001.avi and on, View2.mat and Actions_Ids.txt.

    Sample `i` (from 1 up) shows action ``(i - 1) % n_actions + 1``; half the pairs of a split are
    of one action, and no split has a pair twice. Not as in the real set, an action is in many
    splits.
    """
    from scipy.io import savemat

    root = Path(root)
    action = np.arange(n_videos) % n_actions + 1
    for sample in range(n_videos):
        write_clip(root / "ASLAN_AVI" / f"{sample + 1:04d}.avi", action[sample], sample)

    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(n_videos, k=1)
    is_same = action[first] == action[second]
    pairs = np.empty((n_pairs, 5, n_splits))  # MATLAB's numbers are float64
    for split in range(n_splits):
        chosen = np.concatenate(
            [
                rng.choice(np.flatnonzero(is_same), n_pairs // 2, replace=False),
                rng.choice(np.flatnonzero(~is_same), n_pairs - n_pairs // 2, replace=False),
            ]
        )
        a, b = first[chosen], second[chosen]
        pairs[..., split] = np.stack([a + 1, b + 1, is_same[chosen], action[a], action[b]], axis=1)
    savemat(root / "View2.mat", {"action_splits_pairs": pairs})
    lines = [f"{number} action {number}\n" for number in range(1, n_actions + 1)]
    (root / "Actions_Ids.txt").write_text("".join(lines), encoding="utf-8")
