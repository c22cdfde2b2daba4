import pytest
import torch

from skvideo3d.feature_extraction.devices import (
    are_processors,
    resolve_precision,
    usable_device,
    usable_devices,
)

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")


def test_one_device_is_a_list_of_one():
    assert usable_devices("cpu") == ("cpu",)
    assert usable_device("cpu") == "cpu"


def test_a_list_keeps_its_order_and_its_repetitions():
    assert usable_devices(["cpu", "cpu"]) == ("cpu", "cpu")


@without_cuda
def test_the_gpus_of_another_machine_are_one_cpu_here():
    assert usable_devices(["cuda:0", "cuda:1"]) == ("cpu",)
    assert usable_devices("cuda:1") == ("cpu",)
    assert usable_devices(None) == ("cpu",)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("abacus", r"device='abacus' cannot be used: .*abacus"),
        (["cpu", "abacus"], r"entry 1, 'abacus', cannot be used"),
        (["cpu", 7], r"entry 1, 7, cannot be used: it is no name"),
        ([], r"device=\[\] names no device"),
        ("meta", r"device='meta' cannot be used"),
    ],
)
def test_devices_that_cannot_be_used_are_refused_by_name(device, message):
    with pytest.raises(ValueError, match=message):
        usable_devices(device)


def test_a_processor_by_its_number_is_a_processor():
    assert are_processors(usable_devices(["cpu:0", "cpu"]))
    assert not are_processors(["cpu", "cuda:0"])


def test_only_auto_is_resolved():
    for precision in ("float32", "bfloat16", "float16"):
        assert resolve_precision(precision, "cpu") == precision


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bfloat16"),
        ({"architecture": "aarch64", "bf16": True}, "bfloat16"),
        ({"architecture": "aarch64", "bf16": False, "neon": True}, "float32"),
        ({"avx2": True}, "float32"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_has_products_of_it(
    monkeypatch, capabilities, precision
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", "cpu") == precision
    assert resolve_precision("auto", "cpu", "cpu") == precision


def test_auto_is_float32_where_one_of_the_devices_lacks_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    assert resolve_precision("auto", "cpu", "meta") == "float32"
