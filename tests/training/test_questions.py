"""The loss of several questions, against numpy and by hand."""

import math

import numpy as np
import pytest
import torch

from skvideo3d.training.questions import Questions


def plain_loss(scores, labels, sizes, weights):
    total = 0.0
    for row, answers in zip(scores, labels, strict=True):
        first = 0
        for size, weight, answer in zip(sizes, weights, answers, strict=True):
            own = row[first : first + size]
            first += size
            if answer >= 0:
                total += weight * (math.log(np.exp(own).sum()) - own[answer])
    return total / len(scores)


def test_the_loss_is_the_weighted_sum_of_cross_entropies():
    rng = np.random.default_rng(0)
    questions = Questions({"a": 3, "b": 5, "c": 2}, {"a": 2.0, "c": 0.5}, no_answer=-7)
    scores = rng.normal(size=(6, 10))
    labels = np.stack([rng.integers(0, n, 6) for n in (3, 5, 2)], 1)
    labels[0, 0] = labels[3, 1] = labels[5] = -7
    found = questions(torch.tensor(scores), torch.tensor(labels))
    expected = plain_loss(scores, np.where(labels == -7, -1, labels), (3, 5, 2), (2.0, 1.0, 0.5))
    assert float(found) == pytest.approx(expected)
    assert questions.n_scores == 10


def test_a_question_that_nobody_asks_has_no_gradient():
    questions = Questions({"a": 2, "b": 2}, {}, no_answer=-1)
    scores = torch.zeros(3, 4, requires_grad=True)
    questions(scores, torch.tensor([[0, -1], [1, -1], [1, -1]])).backward()
    assert bool((scores.grad[:, 2:] == 0).all())
    assert bool((scores.grad[:, :2] != 0).all())
