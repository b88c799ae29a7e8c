"""GRU-D's imputation by hand."""

import torch
from examples.missing_values import GRUD, last_and_since


def test_last_values_and_times_by_hand() -> None:
    values = torch.tensor([[[7.0, 1]], [[8, 2]], [[9, 3]], [[5, 4]]])
    observed = torch.tensor([[[True, False]], [[False, False]], [[True, False]], [[False, True]]])
    times = torch.tensor([[0.0], [0.5], [2.0], [2.25]])
    last, since = last_and_since(values, observed, times)
    assert last[:, 0].tolist() == [[0, 0], [7, 0], [7, 0], [9, 0]]
    assert since[:, 0].tolist() == [[0, 0], [0.5, 0.5], [2, 2], [0.25, 2.25]]  # Che et al. 2018, eq. 2


def test_a_value_that_is_missing_changes_nothing() -> None:
    torch.manual_seed(0)
    model = GRUD(2, 4, torch.zeros(2))
    values, observed, times = torch.randn(5, 3, 2), torch.rand(5, 3, 2) < 0.5, torch.rand(5, 3).cumsum(0)
    other = torch.where(observed, values, 100)
    assert torch.equal(model(values, observed, times), model(other, observed, times))
