"""bfloat16 is for products: what is learned is what float32 would learn."""

import pytest
import torch
from torch import nn

from skvideo3d.models import C3D
from skvideo3d.models.initialization import initialize
from skvideo3d.training import VideoClassifier
from skvideo3d.training.precision import products_in


def gradient(network, clips, labels, precision):
    network.zero_grad()
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same dropout
        with products_in(precision, network, "cpu"):
            scores = network(clips, "fc8")["fc8"]
    loss = nn.functional.cross_entropy(scores.float(), labels)
    loss.backward()
    return {name: value.grad.clone() for name, value in network.named_parameters()}, loss


def smooth_clips(n_clips):
    # As frames are: of noise, the largest value of a pool is anybody's.
    torch.manual_seed(1)
    coarse = torch.randn(n_clips, 3, 4, 4, 4)
    return nn.functional.interpolate(coarse, (16, 32, 32), mode="trilinear")


def alike(one, other):
    """Cosine of all gradients of a network."""
    flat = [torch.cat([value.flatten() for value in each.values()]) for each in (one, other)]
    return torch.cosine_similarity(*flat, dim=0).item()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_gradients_of_bfloat16_point_where_those_of_float32_do(batch_norm, layout):
    network = C3D(4, width=1 / 8, input_size=(16, 32, 32), batch_norm=batch_norm)
    network = initialize(network, seed=0).to(memory_format=layout).train()
    clips, labels = smooth_clips(16).contiguous(memory_format=layout), torch.arange(16) % 4
    ours, loss = gradient(network, clips, labels, "bfloat16")
    exact, exact_loss = gradient(network, clips, labels, "float32")
    assert loss.item() == pytest.approx(exact_loss.item(), rel=0.02)
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in ours.values())
    if not batch_norm:
        assert alike(ours, exact) > 0.99
        return
    # Batch normalisation centres values where the ReLU bends, so that float32's own gradients turn
    # as far when each pixel is moved by as much as bfloat16 can tell apart.
    torch.manual_seed(2)
    moved = clips * (1 + 2**-8 * torch.randn_like(clips))
    nearby, _ = gradient(network, moved, labels, "float32")
    assert 1 - alike(ours, exact) < 2.5 * (1 - alike(nearby, exact))
    assert alike(ours, exact) > 0.9


def test_products_are_in_bfloat16_and_weights_and_statistics_in_float32():
    torch.manual_seed(0)
    network = C3D(4, width=1 / 16, input_size=(16, 32, 32), batch_norm=True).train()
    clips = torch.randn(4, 3, 16, 32, 32)
    seen, found = {}, {}

    def look(name):
        return lambda module, inputs, output: seen.update({name: output.dtype})

    handles = [
        part.register_forward_hook(look(name)) for name, part in network.named_modules() if name
    ]
    for precision in ("float32", "bfloat16"):
        part = network.conv2a_bn
        part.reset_running_stats()
        with products_in(precision, network, "cpu"):
            network(clips, "fc8")
        found[precision] = part.running_var.clone()
    assert seen["conv2a"] == seen["fc7"] == torch.bfloat16
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32, torch.int64}
    # Of products with 8 bits; a sum of squares in bfloat16 itself would stop at 256 equal terms.
    torch.testing.assert_close(found["bfloat16"], found["float32"], rtol=2e-2, atol=0)
    for handle in handles:
        handle.remove()
    assert not any(part._forward_pre_hooks for part in network.modules())


@pytest.mark.parametrize("network", ["c3d", "c3d-bn"])
def test_a_network_learns_in_bfloat16(coloured, quick, network):
    quick = {**quick, "max_epochs": 8}
    fitted = VideoClassifier(network, **quick, precision="bfloat16").fit(*coloured)
    assert fitted.history_[-1]["train_loss"] < 0.5 * fitted.history_[0]["train_loss"]
    assert fitted.network_.fc6.weight.dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", ["c3d", "c3d-bn"])
def test_a_network_learns_on_a_gpu(coloured, quick, network, precision):
    fitted = VideoClassifier(
        network, **{**quick, "max_epochs": 8}, precision=precision, device="cuda"
    ).fit(*coloured)
    assert fitted.history_[-1]["train_loss"] < 0.5 * fitted.history_[0]["train_loss"]
    assert fitted.network_.fc6.weight.device.type == "cpu"
    assert fitted.predict(coloured[0]).shape == (12,)


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 3, 3), (5, 3, 3), (7, 3, 3), (7, 7, 7)])
@pytest.mark.parametrize("size", [(1, 1, 1), (2, 2, 2), (2, 7, 7), (4, 2, 5), (8, 8, 8)])
def test_no_convolution_has_gradients_of_its_own(kernel, size):
    # torch 2.13 on a CPU: of two frames and a kernel of three, bfloat16's gradients are noise or
    # NaN; of longer kernels the process may crash.
    torch.manual_seed(0)
    padding = tuple(side // 2 for side in kernel)
    layer = nn.Conv3d(16, 16, kernel, padding=padding)
    clips = torch.randn(2, 16, *size)
    weights = torch.randn(2, 16, *size)
    found = []
    for precision in ("bfloat16", "float32"):
        layer.zero_grad()
        with products_in(precision, layer, "cpu"):
            scores = layer(clips)
        (scores.float() * weights).sum().backward()
        found.append(layer.weight.grad.flatten().clone())
    assert torch.cosine_similarity(*found, dim=0) > 0.999


def test_an_error_inside_leaves_autocast_as_it_was():
    network = nn.Sequential(nn.BatchNorm3d(3), nn.Conv3d(3, 4, 3))
    with (
        pytest.raises(RuntimeError),
        products_in("bfloat16", network, "cpu"),
    ):
        network(torch.randn(2, 5, 4, 4, 4))
    assert not torch.is_autocast_enabled("cpu")
    assert not network[0]._forward_hooks
