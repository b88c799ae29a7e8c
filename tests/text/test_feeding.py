"""Teacher, greedy, sampled, and the mix between them."""

import pytest
import torch

from tidegate.text.feeding import NO_PREDICTION, feed, predict
from tidegate.text.model import LanguageModel, LanguageModelConfig

V, B, T = 6, 4, 9


@pytest.fixture
def model() -> LanguageModel:
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(V, hidden_size=8))
    with torch.no_grad():
        model.output.weight.mul_(8)  # sure enough of itself that argmax and draws follow the state
    return model


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))


def nothing(batch: int = B) -> torch.Tensor:
    return torch.full((batch,), NO_PREDICTION)


def test_teacher_is_one_run_over_the_true_units(model, ids):
    fed = feed(model, ids, model.zero_state(B), nothing(), feeding="teacher", sampling_probability=0.0)
    logits, state = model(ids)
    assert fed.logits is None, "the loss needs no logits"
    torch.testing.assert_close(model.output(fed.features), logits.transpose(0, 1), rtol=0, atol=0)
    torch.testing.assert_close(fed.state, state, rtol=0, atol=0)
    assert torch.equal(fed.own, nothing())


@pytest.mark.parametrize("feeding", ["greedy", "sampled"])
def test_share_zero_is_the_teacher_bit_for_bit(model, ids, feeding):
    teacher = feed(model, ids, model.zero_state(B), nothing(), feeding="teacher", sampling_probability=0.0)
    mixed = feed(model, ids, model.zero_state(B), nothing(), feeding=feeding, sampling_probability=0.0)
    torch.testing.assert_close(mixed, teacher, rtol=0, atol=0)


def test_greedy_feeds_each_steps_argmax_to_the_next(model, ids):
    fed = feed(model, ids, model.zero_state(B), nothing(), feeding="greedy", sampling_probability=1.0)
    text, state = ids[:, :1], None
    expected = []
    for _ in range(T):
        logits, state = model(text, state)
        expected.append(logits[:, 0])
        text = logits.argmax(-1)
    torch.testing.assert_close(fed.logits, torch.stack(expected))
    assert torch.equal(fed.own, text[:, 0])
    assert not torch.equal(torch.stack(expected[:-1]).argmax(-1).T, ids[:, 1:]), "the model must disagree with the text"


def test_prediction_goes_over_the_border_between_stretches(model, ids):
    whole = feed(model, ids, model.zero_state(B), nothing(), feeding="greedy", sampling_probability=1.0)
    first = feed(model, ids[:, :4], model.zero_state(B), nothing(), feeding="greedy", sampling_probability=1.0)
    second = feed(model, ids[:, 4:], first.state, first.own, feeding="greedy", sampling_probability=1.0)
    assert whole.logits is not None
    assert first.logits is not None
    assert second.logits is not None
    torch.testing.assert_close(torch.cat([first.logits, second.logits]), whole.logits)
    assert torch.equal(second.own, whole.own)


def test_share_is_the_share_of_positions_fed_with_own_predictions():
    # A model that always predicts unit 0 on a text of 1s: what it was fed can be read off the inputs' embedding.
    batch, length = 50, 40
    model = LanguageModel(LanguageModelConfig(2, hidden_size=2))
    with torch.no_grad():
        model.output.weight.zero_()
        dict(model.named_parameters())["output.bias"].copy_(torch.tensor([9.0, -9.0]))
    seen = []
    model.recurrent.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0, :, 0].clone()))
    torch.manual_seed(2)
    ids = torch.ones(batch, length, dtype=torch.int64)
    feed(model, ids, model.zero_state(batch), nothing(batch), feeding="greedy", sampling_probability=0.3)
    own = torch.stack(seen)
    assert own.shape == (length, batch)
    assert own[0].sum() == 0, "there is no prediction yet at the first position"
    n = batch * (length - 1)
    assert abs(own[1:].mean().item() - 0.3) < 4 * (0.3 * 0.7 / n) ** 0.5


def test_sampled_draws_from_the_softmax():
    scores = torch.tensor([0.1, 0.6, 0.3]).log().expand(20_000, 3)
    torch.manual_seed(3)
    share = torch.bincount(predict(scores, "sampled"), minlength=3) / 20_000
    torch.testing.assert_close(share, torch.tensor([0.1, 0.6, 0.3]), rtol=0, atol=4 * (0.25 / 20_000) ** 0.5)
    assert predict(scores[:2], "greedy").tolist() == [1, 1]


def test_gradient_of_the_unit_by_unit_run_is_that_of_the_fused_run_on_the_same_inputs(model, ids):
    fed = feed(model, ids, model.zero_state(B), nothing(), feeding="greedy", sampling_probability=1.0)
    assert fed.logits is not None
    inputs = torch.cat([ids[:, :1], fed.logits[:-1].argmax(-1).T], 1)
    cotangent = torch.randn(fed.logits.shape, generator=torch.Generator().manual_seed(4))
    stepwise = torch.autograd.grad((fed.logits * cotangent).sum(), list(model.parameters()))
    fused = torch.autograd.grad((model(inputs)[0].transpose(0, 1) * cotangent).sum(), list(model.parameters()))
    torch.testing.assert_close(stepwise, fused, rtol=1e-4, atol=1e-5)
