"""What a process of its own costs: its start, its memory, and clips that come through a pipe.

    python benchmarks/isolation.py VIDEO ...

Reading in this process and in the other is timed in turns; the best of each counts.
"""

import sys
import time
from pathlib import Path

from skvideo3d.video import C3D_PREPROCESSING, I3D_PREPROCESSING, processes
from skvideo3d.video.clips import ClipRecipe, ReadingCost, read_clips
from skvideo3d.video.damage import Losses
from skvideo3d.video.isolation import IsolatedReader
from skvideo3d.video.limits import DEFAULT_LIMITS
from skvideo3d.video.sources import as_source

ROUNDS = 7
RECIPES = {
    "C3D": ClipRecipe(16, 8, None, "loop", C3D_PREPROCESSING),
    "I3D": ClipRecipe(64, 64, None, "loop", I3D_PREPROCESSING),
}


def main():
    print("start of a reading process, with what it imports")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        process = processes.ReadingProcess()
        process.wait_until_ready()
        seconds = time.perf_counter() - began
        status = Path(f"/proc/{process._popen.pid}/status").read_text().splitlines()
        used = next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))
        process.kill()
        print(f"  {seconds:.2f} s  {used} MiB")
    sources = [as_source(video) for video in sys.argv[1:]]
    for name, recipe in RECIPES.items():
        reader = IsolatedReader(sources, recipe, DEFAULT_LIMITS)
        here, there, n_clips = [], [], 0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for source in sources:
                for _ in read_clips(source, recipe, ReadingCost(), Losses("")):
                    pass
            between = time.perf_counter()
            here.append(between - began)
            n_clips = 0
            for index in range(len(sources)):
                n_clips += sum(1 for _ in reader.read(index, ReadingCost(), Losses("")))
            there.append(time.perf_counter() - between)
        reader.close()
        print(
            f"{name}: {n_clips} clips; in this process {min(here):.3f} s, in its own "
            f"{min(there):.3f} s, ratio {min(there) / min(here):.2f}"
        )


if __name__ == "__main__":
    main()
