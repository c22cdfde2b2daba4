"""What optical flow costs on this machine, each figure beside a plain version in the same run.

    python benchmarks/flow.py [VIDEO] [--methods tvl1 dis] [--rounds N] [--json FILE]

Plain is OpenCV, pair by pair in one thread, and a network of plain PyTorch. Ours and plain take
turns; the best of each counts. VIDEO has 65 frames at least; without one, it is generated. On two
cores it takes some minutes, nearly all of them TV-L1.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from skvideo3d import I3DTransformer, VideoSegment
from skvideo3d.benchmarks.looped_videos import write_looped
from skvideo3d.flow import OpticalFlow
from skvideo3d.flow.methods import FlowEstimator
from skvideo3d.flow.opencv import opencv_method
from skvideo3d.flow.storage import CHUNK, FlowChunk, FlowStore
from skvideo3d.inference import prepare_network
from skvideo3d.models import load_weights
from skvideo3d.video.sources import as_source

SIZE = (256, 340)  # of the frames between which flow is computed
CROP = slice(16, 240), slice(58, 282)
CLIP = 64
N_PAIRS = {"tvl1": 16, "dis": 64}
LENGTHS = (150, 1200)  # frames of a short and a long video

PEAK = """
import sys
from skvideo3d import I3DTransformer
from skvideo3d.benchmarks.memory_peak import peak_memory
stream = sys.argv[2]
network = I3DTransformer(
    None, stream=stream, flow="dis", layer="Conv3d_1a_7x7", clip_len=16, random_state=0
)
network.transform([sys.argv[1]])
print(peak_memory())
"""


def best(functions, n_rounds):
    """Run functions in turns; give the least seconds of each and what each returned."""
    seconds, results = {}, {}
    for _ in range(n_rounds):
        for name, function in functions.items():
            began = time.perf_counter()
            results[name] = function()
            seconds[name] = min(time.perf_counter() - began, seconds.get(name, np.inf))
    return seconds, results


def plain_flow(method, frames):
    """Compute flow as OpenCV's manual shows it, and clip it."""
    estimator = opencv_method(method)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return [np.clip(estimator.calc(*pair, None), -20, 20) for pair in pairwise(grey)]


def pairs(method, frames, n_rounds):
    """Compute flow in one thread and in all of them, against the plain loop."""
    recipe = OpticalFlow(method)
    estimate = FlowEstimator(recipe)
    frames = frames[: N_PAIRS[method] + 1]
    n_threads = os.cpu_count()

    def one(index):
        return recipe.encode(estimate(frames[index], frames[index + 1]))

    def parallel():
        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(one, range(len(frames) - 1)))

    n_opencv = cv2.getNumThreads()
    ways = {
        "called by one thread": lambda: [one(index) for index in range(len(frames) - 1)],
        f"called by {n_threads} threads": parallel,
        f"plain with OpenCV's own {n_opencv} threads": lambda: plain_flow(method, frames),
        "plain": lambda: with_opencv_threads(1, lambda: plain_flow(method, frames)),
    }
    seconds, results = best(ways, n_rounds)
    n = len(frames) - 1
    found = {"pairs": n}
    for name in ways:
        found[f"{name}: ms a pair"] = 1e3 * seconds[name] / n
        found[f"{name}: pairs a second"] = n / seconds[name]
        found[f"{name}: times as fast as plain"] = seconds["plain"] / seconds[name]
    same = all(np.array_equal(*two) for two in zip(results["plain"], parallel(), strict=True))
    return {**found, "same bits": same}


def with_opencv_threads(n_threads, function):
    n_before = cv2.getNumThreads()
    cv2.setNumThreads(n_threads)
    try:
        return function()
    finally:
        cv2.setNumThreads(n_before)


def network_seconds(n_rounds):
    """Run the flow network of I3D on one clip."""
    plain = load_weights(None, "i3d", stream="flow", seed=0).eval()
    ours = prepare_network(load_weights(None, "i3d", stream="flow", seed=0), "float32", "cpu")
    clip = torch.rand(1, CLIP, 224, 224, 2).permute(0, 4, 1, 2, 3)
    contiguous = clip.contiguous()
    with torch.inference_mode():
        ours.describe(clip, ("avg_pool",))  # lays the weights out
        seconds, _ = best(
            {
                "ours": lambda: ours.describe(clip, ("avg_pool",)),
                "plain": lambda: plain.describe(contiguous, ("avg_pool",)),
            },
            n_rounds,
        )
    return {
        "ours: seconds a clip": seconds["ours"],
        "plain: seconds a clip": seconds["plain"],
        "times as fast as plain": seconds["plain"] / seconds["ours"],
    }


def file_to_descriptor(method, video):
    """Describe a clip of a file, and say where the time goes."""
    network = load_weights(None, "i3d", stream="flow", seed=0).eval()
    segment = VideoSegment(video, 0, CLIP + 1)
    describer = I3DTransformer(None, stream="flow", flow=method, random_state=0).fit([segment])
    describer.set_params(flow=lambda previous, following: np.zeros((*SIZE, 2), np.float32))
    describer.transform([np.zeros((CLIP, *SIZE, 3), np.uint8)])  # loads the network
    describer.set_params(flow=method)
    costs = []
    began = time.perf_counter()
    describer._describe([segment], lambda outcome: costs.append(outcome.cost))
    ours = time.perf_counter() - began

    def plain():
        frames = [resized(frame.pixels) for frame in as_source(segment).frames()]
        flow = [one[CROP] / 20 for one in plain_flow(method, frames)]
        with torch.inference_mode():
            clip = torch.from_numpy(np.stack(flow)[:CLIP]).permute(3, 0, 1, 2)[None]
            return network.describe(clip.contiguous(), ("avg_pool",))

    began = time.perf_counter()
    with_opencv_threads(1, plain)
    slow = time.perf_counter() - began
    (cost,) = costs
    n_threads = torch.get_num_threads()
    return {
        "ours: seconds": ours,
        "plain: seconds": slow,
        "times as fast as plain": slow / ours,
        f"flow, added up over {n_threads} threads: seconds": cost.flow,
        "flow: share of the time of all threads, %": 100 * cost.flow / n_threads / ours,
        "network: seconds": cost.network,
        "reading and resizing: seconds": cost.reading + cost.preprocessing,
        "flow, in seconds of one thread, against the network": cost.flow / cost.network,
    }


def kept(method, frames, folder, n_rounds):
    """Keep a chunk of flow in each precision: its size, the time to write and to read it."""
    n = min(CHUNK, N_PAIRS[method])
    began = time.perf_counter()
    flow = np.stack(plain_flow(method, frames[: n + 1]))
    computing = (time.perf_counter() - began) / n
    found = {}
    for precision in ("float32", "float16", "uint8"):
        chunk = FlowChunk(
            OpticalFlow(method, precision=precision).encode(flow), np.arange(n), np.arange(n) / 25
        )
        store = FlowStore(Path(folder) / method / precision)
        entry = store.open("0" * 64)
        ways = {"write": lambda e=entry, c=chunk: e.put(0, c), "read": lambda e=entry: e.chunk(0)}
        seconds, _ = best(ways, max(n_rounds, 5))
        size = sum(path.stat().st_size for path in store.folder.rglob("*.gz"))
        found |= {
            f"{precision}: kB a frame": size / n / 1e3,
            f"{precision}: ms a frame to write": 1e3 * seconds["write"] / n,
            f"{precision}: ms a frame to read": 1e3 * seconds["read"] / n,
            f"{precision}: times as fast to read as to compute": computing * n / seconds["read"],
        }
    return found


def memory(folder):
    """Describe a short and a long video, with flow and without, each in a process."""
    found = {}
    for stream in ("rgb", "flow"):
        peaks = []
        for n_frames in LENGTHS:
            video = write_looped(Path(folder) / f"{n_frames}.mp4", n_frames, (256, 340))
            words = [sys.executable, "-c", PEAK, video, stream]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            peaks.append(float(done.stdout))
            found[f"{stream}, {n_frames} frames: MiB"] = peaks[-1]
        found[f"{stream}: long against short"] = peaks[1] / peaks[0]
    return found


def resized(pixels):
    return cv2.resize(pixels, SIZE[::-1], interpolation=cv2.INTER_LINEAR)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?")
    parser.add_argument("--methods", nargs="+", choices=list(N_PAIRS), default=list(N_PAIRS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    figures = {}
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, "
        f"OpenCV {cv2.__version__}, torch {torch.__version__}"
    )

    def show(title, values):
        figures[title] = values
        print(title)
        for name, value in values.items():
            print(
                f"  {name:<60}{value:>10.3g}" if value is not True else f"  {name:<60}{'yes':>10}"
            )

    with tempfile.TemporaryDirectory() as folder:
        video = args.video or write_looped(Path(folder) / "made.mp4", 2 * CLIP, (256, 340))
        segment = VideoSegment(video, 0, CLIP + 1)
        frames = [resized(frame.pixels) for frame in as_source(segment).frames()]
        show("flow network of I3D, a clip of 64 frames", network_seconds(args.rounds))
        for method in args.methods:
            show(f"{method}, frames of 340x256", pairs(method, frames, args.rounds))
            show(f"{method}, a clip of 64 frames of a file", file_to_descriptor(method, video))
            show(f"{method}, kept", kept(method, frames, folder, args.rounds))
        show("peak memory by DIS", memory(folder))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
