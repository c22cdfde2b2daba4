"""HMDB51 in small: class folders of clips with odd names, and a list for each class and split."""

from pathlib import Path

from .clips import write_clip

# What names of the real set begin with, or nearly.
_BEGINNINGS = (
    *("50_DATES", "Turnen_(Part2)", "Day_#_2", "hair!!", "__[_NEW_]_", "und___;-)", "jenny_~_rad"),
    *("A&B", "Mr._X", "+25"),
)


def write_hmdb51(
    root, classes=("cartwheel", "wave", "shake_hands"), n_train=4, n_test=2, n_unused=1
):
    """Write hmdb51_org/ and testTrainMulti_7030_splits/.

    A class's videos take turns: split 1 trains on the first `n_train`, tests the next `n_test` and
    leaves the rest out; every further split begins `n_test` videos earlier.
    """
    root = Path(root)
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    flags = [1] * n_train + [2] * n_test + [0] * n_unused
    for label, action in enumerate(classes):
        names = []
        for number in range(len(flags)):
            beginning = _BEGINNINGS[number % len(_BEGINNINGS)]
            names.append(f"{beginning}_{action}_f_cm_np1_fr_med_{number}.avi")
            write_clip(root / "hmdb51_org" / action / names[-1], label, number)
        for split in range(3):
            turned = flags[split * n_test :] + flags[: split * n_test]
            # The official lists end their lines so.
            lines = [f"{name} {flag} \n" for name, flag in zip(names, turned, strict=True)]
            path = lists / f"{action}_test_split{split + 1}.txt"
            path.write_text("".join(lines), encoding="utf-8")
