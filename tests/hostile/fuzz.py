"""Any number of damaged files from the command line: ``python -m hostile.fuzz``, in ``tests/``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hostile.fuzzing import BATCH, Report, fuzz, generated_sources, rows_of


def small_weights(path: Path) -> str:
    """Write weights of a network of milliseconds a clip."""
    from skvideo3d.models import load_weights, save_weights
    from skvideo3d.video import Preprocessing

    config = {"width": 1 / 16, "input_size": (16, 32, 32), "num_classes": 5}
    recipe = Preprocessing(resize=(36, 48), crop=(32, 32), channel_order="bgr", mean=(90, 98, 101))
    save_weights(load_weights(None, "c3d", seed=0, config=config), path, preprocessing=recipe)
    return str(path)


def main(words: list[str] | None = None) -> int:
    """Describe damaged files; the status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m hostile.fuzz", description=__doc__)
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="default: generated")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--only", type=int, help="this number alone, with what became of it")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the damaged files here")
    parser.add_argument("--silent", action="store_true", help="list what was wrong unnoticed")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="hostile-") as place:
        folder = Path(place)
        weights = small_weights(folder / "small.safetensors")
        sources = args.files or generated_sources(folder / "sources")
        whole = rows_of(sources, weights)
        last = args.first + args.count
        numbers = range(args.first, last) if args.only is None else [args.only]
        report = Report()
        began = time.perf_counter()
        for start in range(0, len(numbers), BATCH):
            chosen = numbers[start : start + BATCH]
            with tempfile.TemporaryDirectory(dir=folder) as batch:
                target = args.keep or Path(batch)
                target.mkdir(parents=True, exist_ok=True)
                part = fuzz(sources, args.seed, chosen, weights, target, whole)
            report.add(part)
            for finding in part.findings:
                print(f"FINDING in {chosen[0]} to {chosen[-1]}: {finding}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{report.n_videos} of {len(numbers)}", end="", file=sys.stderr)
        seconds = time.perf_counter() - began
    if args.only is not None:
        for mutant, ending in report.endings:
            print(f"{mutant.path.name}: {mutant.kinds}\n{ending}")
    if args.silent:
        for mutant, distance in sorted(report.silent, key=lambda pair: -pair[1]):
            print(f"{mutant.number:7} {mutant.format:24} {distance:8.1e} {mutant.kinds}")
    print(report.table())
    print(
        f"{report.n_videos} files, seed {args.seed}, {seconds:.1f} s: "
        f"{len(report.findings)} findings. One again: --seed {args.seed} --only NUMBER."
    )
    return int(bool(report.findings))


if __name__ == "__main__":
    sys.exit(main())
