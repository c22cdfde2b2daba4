"""Networks for images of a few hundred parameters, as a user may write them."""

import torch
from torch import nn


class Tokens(nn.Module):
    """A map as a sequence of tokens."""

    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


class SmallNetwork(nn.Module):
    """Maps, tokens and vectors; batch normalisation with statistics; a ReLU in place."""

    def __init__(self, seed=0, n_outputs=4):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 5, stride=3)
        self.bn = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=True)
        self.tokens = Tokens()
        self.norm = nn.LayerNorm(6)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, n_outputs)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in [*self.parameters(), self.bn.running_mean]:
                value.copy_(torch.randn(value.shape, generator=generator) / 3)
            self.bn.running_var.copy_(0.5 + torch.rand(6, generator=generator))

    def forward(self, x):
        x = self.act(self.bn(self.conv(x)))
        return self.head(self.drop(self.norm(self.tokens(x)).mean(1)))


class Residual(nn.Module):
    """A part that runs one of its own parts twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x + self.act(self.conv(x)))
