"""What the beginning costs: the first call of a network, and workers of joblib.

    python benchmarks/starting.py [VIDEO ...]

Each first call runs in a process of its own and counts neither imports nor the loading of weights.
Without VIDEO there is nothing for the workers to do, and the first call is all.
"""

import subprocess
import sys
import time

FIRST_CALL = """
import sys, time
import torch
from skvideo3d.inference import prepare_network
from skvideo3d.models import load_weights
network = load_weights(None, "c3d", seed=0).eval()
clips = torch.rand(2, 16, 112, 112, 3).permute(0, 4, 1, 2, 3)
began = time.perf_counter()
if sys.argv[1] == "plain":
    with torch.inference_mode():
        network.describe(clips.contiguous(), ("fc6",))
else:
    prepare_network(network, sys.argv[1], "cpu").describe(clips, ("fc6",))
seconds = time.perf_counter() - began
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
used, peak = (int(status[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
print(f"{seconds:7.2f} s  {used:6d} MiB after, {peak:6d} at most")
"""
ROUNDS = 3


def main():
    print("C3D, two clips, first call")
    for _ in range(ROUNDS):
        for way in ("plain", "float32", "bfloat16"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST_CALL, way], check=True, capture_output=True, text=True
            )
            print(f"  {way:<10}{done.stdout.rstrip()}")
    if not (videos := sys.argv[1:]):
        return
    from skvideo3d import C3DTransformer, I3DTransformer

    print(f"{len(videos)} videos, seconds of {ROUNDS} calls")
    for kind, precision in (
        (C3DTransformer, "float32"),
        (C3DTransformer, "bfloat16"),
        (I3DTransformer, "float32"),
    ):
        for n_jobs in (None, 2):
            describer = kind(None, random_state=0, precision=precision, n_jobs=n_jobs)
            seconds = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                describer.transform(videos)
                seconds.append(time.perf_counter() - began)
            times = "  ".join(f"{value:6.2f}" for value in seconds)
            print(f"  {kind.__name__:<16}{precision:<10}n_jobs={n_jobs!s:<6}{times}")


if __name__ == "__main__":
    main()
