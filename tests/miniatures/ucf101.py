"""UCF101 in small: folders of classes, groups of clips, and the lists of three splits."""

from pathlib import Path

from .clips import write_clip


def write_ucf101(
    root, classes=("ApplyEyeMakeup", "Archery", "HandstandPushups"), n_groups=6, n_clips=2
):
    """Write UCF-101/<class>/v_<class>_gXX_cYY.avi and ucfTrainTestlist.

    Split `k` (1 to 3) tests groups ``2 * k - 1`` and ``2 * k`` and trains on the others, so that 6
    groups are the fewest. As in the real set, the lists end their lines with CRLF, and the videos
    of HandstandPushups are called HandStandPushups.
    """
    root = Path(root)
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True, exist_ok=True)
    names = {}
    for number, label in enumerate(classes, start=1):
        for group in range(1, n_groups + 1):
            for clip in range(1, n_clips + 1):
                stem = label.replace("Handstand", "HandStand")
                name = f"{label}/v_{stem}_g{group:02d}_c{clip:02d}.avi"
                names[name] = (number, group)
                write_clip(root / "UCF-101" / name, number - 1, group * 100 + clip)
    _write_lines(lists / "classInd.txt", [f"{n} {label}" for n, label in enumerate(classes, 1)])
    for split in (1, 2, 3):
        tested = (2 * split - 1, 2 * split)
        train = [f"{name} {n}" for name, (n, group) in names.items() if group not in tested]
        test = [name for name, (_, group) in names.items() if group in tested]
        _write_lines(lists / f"trainlist{split:02d}.txt", train)
        _write_lines(lists / f"testlist{split:02d}.txt", test)


def _write_lines(path, lines):
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
