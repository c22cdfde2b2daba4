"""Direct convolutions and Winograd's, in turns, for the 3x3x3 layers of both networks in float32.

    python benchmarks/convolutions.py [--batch 4]

Milliseconds a clip, the least of a few runs, and what `winograd_pays` chooses without measuring.
"""

import argparse
import time
from functools import partial

import torch

from skvideo3d.inference.convolution import winograd_pays
from skvideo3d.inference.direct import DirectConvolution, Padding
from skvideo3d.inference.winograd import WinogradConvolution, steps_of

# Channels in and out, and frames, rows and columns, at the published clip sizes.
LAYERS = {
    "C3D conv2a": (64, 128, 16, 56, 56),
    "C3D conv3a": (128, 256, 8, 28, 28),
    "C3D conv3b": (256, 256, 8, 28, 28),
    "C3D conv4a": (256, 512, 4, 14, 14),
    "C3D conv4b": (512, 512, 4, 14, 14),
    "C3D conv5a": (512, 512, 2, 7, 7),
    "I3D Conv3d_2c": (64, 192, 32, 56, 56),
    "I3D Mixed_3b.b1b": (96, 128, 32, 28, 28),
    "I3D Mixed_3b.b2b": (16, 32, 32, 28, 28),
    "I3D Mixed_3c.b1b": (128, 192, 32, 28, 28),
    "I3D Mixed_3c.b2b": (32, 96, 32, 28, 28),
    "I3D Mixed_4b.b1b": (96, 208, 16, 14, 14),
    "I3D Mixed_4d.b1b": (128, 256, 16, 14, 14),
    "I3D Mixed_4e.b1b": (144, 288, 16, 14, 14),
    "I3D Mixed_4f.b1b": (160, 320, 16, 14, 14),
    "I3D Mixed_5c.b1b": (192, 384, 8, 7, 7),
}
ROUNDS = 5
ONE = Padding((1, 1, 1), (1, 1, 1))


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4)
    batch = parser.parse_args().batch
    print(f"batch {batch}, {torch.get_num_threads()} threads; ms a clip")
    print(f"{'':<18}{'direct':>8}{'Winograd':>10}{'ratio':>7}  chosen")
    for name, (inputs, outputs, *size) in LAYERS.items():
        weight = torch.randn(outputs, inputs, 3, 3, 3) / (27 * inputs) ** 0.5
        bias = torch.randn(outputs)
        x = torch.randn(batch, *size, inputs)
        direct = DirectConvolution(weight, bias, torch.float32)
        winograd = WinogradConvolution(weight, bias, steps_of(size[0]))
        ways = (partial(direct, x, ONE), partial(winograd, x))
        runs = [[seconds(way) for way in ways] for _ in range(ROUNDS + 1)][1:]
        slow, fast = (1e3 * min(times) / batch for times in zip(*runs, strict=True))
        chosen = "Winograd" if winograd_pays(weight.shape, size) else "direct"
        print(f"{name:<18}{slow:8.1f}{fast:10.1f}{slow / fast:7.2f}  {chosen}")


if __name__ == "__main__":
    main()
