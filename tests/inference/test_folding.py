import torch
from torch import nn

from skvideo3d.inference.folding import fold_batch_norms


class Unit(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.conv3d = nn.Conv3d(3, 4, 3, bias=bias)
        self.bn = nn.BatchNorm3d(4, eps=1e-3)

    def forward(self, x):
        return self.bn(self.conv3d(x))


def test_a_folded_unit_computes_what_it_did():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 5, 5, dtype=torch.float64)
    for bias in (False, True):
        unit = Unit(bias).double()
        unit(x)  # running statistics
        nn.init.normal_(unit.bn.weight)
        nn.init.normal_(unit.bn.bias)
        expected = unit.eval()(x)
        fold_batch_norms(unit)
        assert isinstance(unit.bn, nn.Identity)
        torch.testing.assert_close(unit(x), expected)
