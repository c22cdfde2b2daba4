"""Where the time of a network goes: milliseconds a clip in each layer, ours beside plain PyTorch's.

    python benchmarks/layers.py {c3d,i3d} [--precision float32] [--batch N]

Plain is the eager network in float32 on contiguous tensors. Pools that ours computes within a
convolution are counted there; the first three layers of I3D, which ours computes together, are on
the last one's line. Each run's layers are those of the fastest run.
"""

import argparse
import time

import torch

from skvideo3d.inference import prepare_network
from skvideo3d.models import load_weights

CLIPS = {"c3d": (16, 112, 112), "i3d": (64, 224, 224)}
LAYERS = {"c3d": "fc6", "i3d": "avg_pool"}
TOGETHER = "Conv3d_2b_1x1"
ROUNDS = 5


def plain_seconds(network, x, layer):
    spent = {}
    for name in network.path_to([layer]):
        began = time.perf_counter()
        x = network._run(name, x)
        spent[name] = time.perf_counter() - began
    return spent


def watch(step, name, spent):
    """Note the seconds of each call of a step of a prepared network."""

    class Watched(type(step)):
        def __call__(self, *args, **options):
            began = time.perf_counter()
            result = super().__call__(*args, **options)
            spent[name] = spent.get(name, 0) + time.perf_counter() - began
            return result

    step.__class__ = Watched


def our_seconds(prepared, spent, x, layer):
    spent.clear()
    began = time.perf_counter()
    prepared.describe(x, (layer,))
    whole = time.perf_counter() - began
    return dict(spent) | {"others": whole - sum(spent.values())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=CLIPS)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    layer = LAYERS[args.network]
    values = torch.randn(args.batch, *CLIPS[args.network], 3).permute(0, 4, 1, 2, 3)
    plain = load_weights(None, args.network, seed=0).eval()
    prepared = prepare_network(load_weights(None, args.network, seed=0), args.precision, "cpu")
    spent = {}
    plain_runs, our_runs = [], []
    with torch.inference_mode():
        contiguous = values.contiguous()
        prepared.describe(values, (layer,))  # lays the weights out
        for name, step in prepared._layers.items():
            if step is not None:
                watch(step, name, spent)
        for _ in range(ROUNDS):
            plain_runs.append(plain_seconds(plain, contiguous, layer))
            our_runs.append(our_seconds(prepared, spent, values, layer))
    slow, fast = (min(runs, key=lambda run: sum(run.values())) for runs in (plain_runs, our_runs))
    if args.network == "i3d":
        fast[TOGETHER] = fast.pop("others")
        fast["others"] = 0.0
    threads = torch.get_num_threads()
    print(f"{args.network}, {args.precision}, batch {args.batch}, {threads} threads; ms a clip")
    print(f"{'':<18}{'plain':>10}{'ours':>10}")
    for name in [*slow, "others"]:
        cells = [f"{1e3 * run.get(name, 0) / args.batch:10.1f}" for run in (slow, fast)]
        print(f"{name:<18}{''.join(cells)}")
    totals = [sum(run.values()) for run in (slow, fast)]
    print(f"{'whole':<18}{''.join(f'{1e3 * total / args.batch:10.1f}' for total in totals)}")


if __name__ == "__main__":
    main()
