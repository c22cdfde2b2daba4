"""I3D written plainly, from the published names and TensorFlow's SAME rule."""

import math

import torch
import torch.nn.functional as F

# Szegedy et al. 2015, table 1, the columns: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
INCEPTION = {
    "Mixed_3b": "64 96 128 16 32 32",
    "Mixed_3c": "128 128 192 32 96 64",
    "Mixed_4b": "192 96 208 16 48 64",
    "Mixed_4c": "160 112 224 24 64 64",
    "Mixed_4d": "128 128 256 24 64 64",
    "Mixed_4e": "112 144 288 32 64 64",
    "Mixed_4f": "256 160 320 32 128 128",
    "Mixed_5b": "256 160 320 32 128 128",
    "Mixed_5c": "384 192 384 48 128 128",
}
ORDER = [
    *("Conv3d_1a_7x7", "MaxPool3d_2a_3x3", "Conv3d_2b_1x1", "Conv3d_2c_3x3", "MaxPool3d_3a_3x3"),
    *("Mixed_3b", "Mixed_3c", "MaxPool3d_4a_3x3"),
    *("Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f", "MaxPool3d_5a_2x2"),
    *("Mixed_5b", "Mixed_5c", "avg_pool", "logits", "prob"),
]


def unit_table(in_channels=3, width=1.0):
    """(name, inputs, outputs, kernel) of every convolution with batch normalisation."""

    def at(count):
        return max(1, round(int(count) * width))

    rows = [
        ("Conv3d_1a_7x7", in_channels, at(64), 7),
        ("Conv3d_2b_1x1", at(64), at(64), 1),
        ("Conv3d_2c_3x3", at(64), at(192), 3),
    ]
    inputs = at(192)
    for name, columns in INCEPTION.items():
        one, reduce3, three, reduce5, five, pool = map(at, columns.split())
        rows += [
            (f"{name}.b0", inputs, one, 1),
            (f"{name}.b1a", inputs, reduce3, 1),
            (f"{name}.b1b", reduce3, three, 3),
            (f"{name}.b2a", inputs, reduce5, 1),
            (f"{name}.b2b", reduce5, five, 3),
            (f"{name}.b3b", inputs, pool, 1),
        ]
        inputs = one + three + five + pool
    return rows, inputs


def random_state(*, in_channels=3, width=1.0, num_classes=7, seed=0):
    """Random arrays under the published names, none of them an identity."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    rows, last = unit_table(in_channels, width)
    state = {}
    for name, inputs, outputs, kernel in rows:
        fan_in = inputs * kernel**3
        state[f"{name}.conv3d.weight"] = (
            normal(outputs, inputs, kernel, kernel, kernel) * (2 / fan_in) ** 0.5
        )
        state[f"{name}.bn.weight"] = 1 + 0.2 * normal(outputs)
        state[f"{name}.bn.bias"] = 0.2 * normal(outputs)
        state[f"{name}.bn.running_mean"] = 0.2 * normal(outputs)
        # About one, so that activations keep their size; an epsilon of 1e-5 instead of 1e-3 would
        # still show a hundred times over the tolerance.
        state[f"{name}.bn.running_var"] = 0.5 + 0.6 * normal(outputs).abs()
    state["logits.conv3d.weight"] = normal(num_classes, last, 1, 1, 1) * (1 / last) ** 0.5
    state["logits.conv3d.bias"] = normal(num_classes)
    return state


def pad_same(x, kernel, stride):
    """Zeros as TensorFlow's SAME asks: ceil(size / stride) windows, the odd zero at the end."""
    pads = []
    for size, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        total = max((math.ceil(size / s) - 1) * s + k - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads)


def plain_i3d(x, state, dtype=torch.float64):
    """Every end point of I3D from arrays under the published names."""
    state = {key: value.to(dtype) for key, value in state.items()}

    def unit(x, name, stride=1):
        weight = state[f"{name}.conv3d.weight"]
        x = F.conv3d(pad_same(x, weight.shape[2:], (stride,) * 3), weight, stride=stride)
        mean, var, gamma, beta = (
            state[f"{name}.bn.{kind}"].view(-1, 1, 1, 1)
            for kind in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / torch.sqrt(var + 1e-3) * gamma + beta).clamp(min=0)

    def pool(x, kernel, stride):
        return F.max_pool3d(pad_same(x, kernel, stride), kernel, stride)

    def mixed(x, name):
        return torch.cat(
            [
                unit(x, f"{name}.b0"),
                unit(unit(x, f"{name}.b1a"), f"{name}.b1b"),
                unit(unit(x, f"{name}.b2a"), f"{name}.b2b"),
                unit(pool(x, (3, 3, 3), (1, 1, 1)), f"{name}.b3b"),
            ],
            dim=1,
        )

    values = {}
    x = x.to(dtype)
    for name in ORDER[:16]:
        if name == "Conv3d_1a_7x7":
            x = unit(x, name, stride=2)
        elif name.startswith("Conv3d"):
            x = unit(x, name)
        elif name in ("MaxPool3d_2a_3x3", "MaxPool3d_3a_3x3"):
            x = pool(x, (1, 3, 3), (1, 2, 2))
        elif name.startswith("MaxPool3d"):
            x = pool(x, (int(name[-1]),) * 3, (2, 2, 2))
        else:
            x = mixed(x, name)
        values[name] = x
    if x.shape[2] < 2 or min(x.shape[3:]) < 7:
        return values
    steps = [
        torch.stack(
            [
                x[:, :, t : t + 2, i : i + 7, j : j + 7].mean(dim=(2, 3, 4))
                for i in range(x.shape[3] - 6)
                for j in range(x.shape[4] - 6)
            ]
        ).mean(dim=0)
        for t in range(x.shape[2] - 1)
    ]
    values["avg_pool"] = torch.stack(steps).mean(dim=0)
    weight = state["logits.conv3d.weight"].flatten(1)
    scores = [step @ weight.T + state["logits.conv3d.bias"] for step in steps]
    values["logits"] = torch.stack(scores).mean(dim=0)
    exponentials = (values["logits"] - values["logits"].max(dim=1, keepdim=True).values).exp()
    values["prob"] = exponentials / exponentials.sum(dim=1, keepdim=True)
    return values
