"""HMDB51 in small: folders of classes, and a list for each class and split."""

from pathlib import Path

from .clips import write_clip

# Beginnings of names as odd as the real ones.
_FILMS = ("(Rad)Schlag_die_Bank!", "#20_Rhythm", "Mr._&_Mrs._Smith", "[HD]_Turnen", "Pippi_Michel")


def write_hmdb51(
    root, classes=("cartwheel", "wave", "shake_hands"), n_train=4, n_test=2, n_unused=1
):
    """Write hmdb51_org/<class>/<name>.avi and testTrainMulti_7030_splits.

    Each split has `n_train`, `n_test` and `n_unused` videos of a class with the flags 1, 2 and 0,
    and every split has others for it: the flags move on by `n_test` videos.
    """
    root = Path(root)
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True, exist_ok=True)
    flags = [2] * n_test + [1] * n_train + [0] * n_unused
    for label, action in enumerate(classes):
        names = [
            f"{_FILMS[number % len(_FILMS)]}_{action}_f_cm_np1_le_med_{number}.avi"
            for number in range(len(flags))
        ]
        for number, name in enumerate(names):
            write_clip(root / "hmdb51_org" / action / name, label, number)
        for split in (1, 2, 3):
            turn = (split - 1) * n_test % len(flags)
            moved = flags[len(flags) - turn :] + flags[: len(flags) - turn]
            lines = [f"{name} {flag} \n" for name, flag in zip(names, moved, strict=True)]
            (lists / f"{action}_test_split{split}.txt").write_text("".join(lines))
