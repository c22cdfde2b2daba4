"""Several questions about a clip at once: scores side by side, and the loss of all answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Questions"]


class Questions(nn.Module):
    """The loss of a network that answers several questions, of which a clip need not ask all.

    A clip's loss is the sum of the cross entropies of the questions that it asks, each times its
    weight; a batch's loss is the mean over its clips.

    Parameters
    ----------
    n_answers : mapping of str to int
        Question to the number of possible answers; the scores of all are side by side, in order.
    weights : mapping of str to float
        Of the questions; 1 where there is none.
    no_answer : int
        Label of a question that a clip does not ask.

    Examples
    --------
    Two questions, of which the second clip asks the first only; all scores are equal, so that a
    question costs the logarithm of the number of its answers:

    >>> questions = Questions({"act": 4, "facing": 2}, {"act": 3.0}, no_answer=-1)
    >>> loss = questions(torch.zeros(2, 6), torch.tensor([[3, 0], [1, -1]]))
    >>> expected = (3 * torch.tensor(4.0).log() * 2 + torch.tensor(2.0).log()) / 2
    >>> bool(torch.isclose(loss, expected))
    True
    """

    def __init__(
        self, n_answers: Mapping[str, int], weights: Mapping[str, float], no_answer: int
    ) -> None:
        super().__init__()
        self.n_answers = dict(n_answers)
        self.weights = {name: float(weights.get(name, 1.0)) for name in n_answers}
        self.no_answer = no_answer

    @property
    def n_scores(self) -> int:
        """Scores that a network has to give."""
        return sum(self.n_answers.values())

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Give the loss of a batch.

        Parameters
        ----------
        scores : Tensor of shape (n, n_scores)
        labels : Tensor of shape (n, n_questions), int64

        Returns
        -------
        Tensor of shape ()
        """
        total = scores.new_zeros(())
        for (name, own), column in zip(self._split(scores), labels.T, strict=True):
            total = total + self.weights[name] * nn.functional.cross_entropy(
                own, column, ignore_index=self.no_answer, reduction="sum"
            )
        return total / len(labels)

    def right(self, scores: Tensor, labels: Tensor) -> dict[str, tuple[int, int]]:
        """Count the right answers of each question, and how many clips ask it.

        Parameters
        ----------
        scores, labels : Tensor
            As in `forward`.

        Returns
        -------
        dict of str to (int, int)

        Examples
        --------
        >>> questions = Questions({"act": 2, "facing": 2}, {}, no_answer=-1)
        >>> scores = torch.tensor([[1.0, 0, 0, 1], [1, 0, 0, 1]])
        >>> questions.right(scores, torch.tensor([[0, 1], [1, -1]]))
        {'act': (1, 2), 'facing': (1, 1)}
        """
        found = {}
        for (name, own), column in zip(self._split(scores), labels.T, strict=True):
            asked = column != self.no_answer
            found[name] = (int((own.argmax(1) == column)[asked].sum()), int(asked.sum()))
        return found

    def _split(self, scores: Tensor) -> Sequence[tuple[str, Tensor]]:
        parts = torch.split(scores, list(self.n_answers.values()), dim=1)
        return list(zip(self.n_answers, parts, strict=True))
