"""Images and videos of them that stand still, for networks with random weights."""

import torch


def randomised(module, seed=0):
    """Random arrays, none of them an identity, in which activations keep their size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, array in module.state_dict().items():
            if not array.is_floating_point():
                continue
            normal = torch.randn(array.shape, generator=generator, dtype=array.dtype)
            if array.ndim > 1:
                array.copy_(normal * (2 / array[0].numel()) ** 0.5)
            elif name.endswith("running_var"):
                array.copy_(0.5 + 0.6 * normal.abs())
            else:
                array.copy_(0.2 * normal + name.endswith("bn.weight"))
    return module.eval().requires_grad_(False)


def image(size, channels=3, n=1, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, channels, size, size, generator=generator, dtype=torch.float64) * 2 - 1


def still(images, frames):
    return images.unsqueeze(2).repeat(1, 1, frames, 1, 1)


def relative(value, expected):
    assert value.shape == expected.shape
    return float((value - expected).abs().max() / expected.abs().max())
