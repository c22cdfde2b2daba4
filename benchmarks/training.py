"""How fast networks train: clips a second of a step, ours beside plain PyTorch's.

    python benchmarks/training.py [--networks compact-64 compact-112 c3d c3d-bn i3d] [--rounds N]
                                  [--device cuda] [--store VIDEO ...]

A step is forward, backward and SGD, of one batch of random clips. Plain is the eager network in
float32 on contiguous tensors; ours is how `VideoClassifier` and `train_compact` run; "returned" is
the same, but that the memory which a step frees goes back to the system. Keeping memory leaves its
mark on a process, so give one network for fair figures of the others. A step is counted as three
times the products of the forward pass, and set against the machine's rate of matrix products. With
--store, also how many clips a second are cut from the kept frames of videos, and how many are
decoded, cut and made ready anew each time.
"""

import argparse
import math
import time
from contextlib import nullcontext

import numpy as np
import torch

from skvideo3d.benchmarks.arithmetic import clip_work, matrix_rate
from skvideo3d.benchmarks.stopwatch import best_seconds
from skvideo3d.models.initialization import initialize
from skvideo3d.models.names import network_named
from skvideo3d.training.memory import freed_memory_kept
from skvideo3d.training.precision import products_in

STEPS = 3  # in a row, after one that is not counted: what it frees is there for them

COMPACT = {"width": 0.25, "hidden": 512, "pool5": "global", "batch_norm": True}
# Network, its arguments, clip, batch.
NETWORKS = {
    "compact-64": ("c3d", {**COMPACT, "num_classes": 120}, (16, 64, 64), 32),
    "compact-112": ("c3d", {**COMPACT, "num_classes": 120}, (16, 112, 112), 16),
    "c3d": ("c3d", {"num_classes": 101}, (16, 112, 112), 4),
    "c3d-bn": ("c3d-bn", {"num_classes": 101}, (16, 112, 112), 4),
    "i3d": ("i3d", {"num_classes": 101}, (64, 224, 224), 2),
}


def step_of(network, clips, labels, precision, device):
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    layer = "fc8" if "fc8" in network.layer_names else "logits"

    def step():
        with products_in(precision, network, device):
            scores = network(clips, layer)[layer]
        loss = torch.nn.functional.cross_entropy(scores.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    return step


def seconds_of(step, *, keeps):
    with freed_memory_kept() if keeps else nullcontext():
        step()
        began = time.perf_counter()
        for _ in range(STEPS):
            step()
        return (time.perf_counter() - began) / STEPS


def measure(name, device, rounds, rates):
    architecture, params, size, batch = NETWORKS[name]
    steps = {}
    for way, precision in (
        ("plain", "float32"),
        ("ours", "float32"),
        ("returned", "bfloat16"),
        ("ours", "bfloat16"),
    ):
        network = initialize(network_named(architecture, device="meta", **params), seed=0)
        network = network.to(device).train().requires_grad_(True)
        clips = torch.randn(batch, *size, 3).permute(0, 4, 1, 2, 3).to(device)
        if way == "plain":
            clips = clips.contiguous()
        else:
            network = network.to(memory_format=torch.channels_last_3d)
        labels = torch.arange(batch, device=device)
        steps[way, precision] = step_of(network, clips, labels, precision, device)
    seconds = dict.fromkeys(steps, math.inf)
    # Keeping memory once leaves malloc with other thresholds: those who do come last.
    for keeps in (False, True):
        for _ in range(rounds):  # in turns
            for key, step in steps.items():
                if (key[0] == "ours") is keeps:
                    taken = seconds_of(step, keeps=keeps and device == "cpu")
                    seconds[key] = min(seconds[key], taken)
    network = network_named(architecture, device="meta", **params).eval()
    layer = "fc8" if "fc8" in network.layer_names else "logits"
    work = clip_work(network, torch.empty(1, 3, *size, device="meta"), [layer])
    print(
        f"\n{name}, {' x '.join(map(str, size))}, batch {batch}, {3 * work.gflop:.1f} GFLOP a clip"
    )
    for (way, precision), taken in seconds.items():
        rate = 3 * work.gflop * batch / taken
        print(
            f"  {way:9}{precision:9}{batch / taken:9.2f} clips/s{rate:9.0f} GFLOP/s"
            f"{rate / rates[precision]:7.2f} of the rate"
            f"{seconds['plain', 'float32'] / taken:7.2f} times plain"
        )


def measure_store(paths, rounds):
    from skvideo3d.training.clip_sampling import ClipSampling
    from skvideo3d.training.clips import TrainingClips
    from skvideo3d.training.frame_store import FrameStore
    from skvideo3d.training.jitter import Jitter
    from skvideo3d.video.preprocessing import C3D_PREPROCESSING
    from skvideo3d.video.sources import as_source

    sources = [as_source(path) for path in paths]

    def clips_of(store):
        kept = store.fill(sources)
        return TrainingClips(
            store,
            kept,
            np.arange(len(kept)),
            sampling=ClipSampling(16),
            jitter=Jitter(C3D_PREPROCESSING.crop),
            preprocessing=C3D_PREPROCESSING,
            seed=0,
        )

    with FrameStore(None, resize=C3D_PREPROCESSING.resize) as store:
        began = time.perf_counter()
        clips = clips_of(store)
        filling = time.perf_counter() - began
        indices = np.random.default_rng(0).permutation(len(clips))
        batches = [indices[n : n + 30] for n in range(0, len(indices), 30)]
        taken = best_seconds({"cut": lambda: [clips.batch(batch) for batch in batches]}, rounds)[
            "cut"
        ]
    again = filling + taken
    print(f"\n{len(clips)} clips of {len(paths)} videos")
    print(f"  decoded and cut   {len(clips) / again:8.0f} clips/s")
    print(f"  cut from the store{len(clips) / taken:8.0f} clips/s, {again / taken:.1f} times that")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--store", metavar="VIDEO", nargs="+", default=[])
    args = parser.parse_args()
    rates = {
        precision: matrix_rate(precision, args.device, rounds=5)
        for precision in ("float32", "bfloat16")
    }
    shown = ", ".join(f"{rate:.0f} {precision}" for precision, rate in rates.items())
    print(f"{torch.get_num_threads()} threads on {args.device}; matrix products, GFLOP/s: {shown}")
    for name in args.networks:
        measure(name, args.device, args.rounds, rates)
    if args.store:
        measure_store(args.store, args.rounds)


if __name__ == "__main__":
    main()
