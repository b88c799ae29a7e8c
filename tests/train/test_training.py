"""The loop: what it learns, what it says, when it stops."""

import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from tests.train.small_runs import CONFIG, corpus_in, lines, model_for, state, train_in

from tidegate.errors import ArgumentError, MissingDependencyError, NonFiniteLossError, RunFolderError
from tidegate.text import ngram_baselines, prepare_corpus
from tidegate.text.evaluation import evaluate
from tidegate.text.model import LanguageModelConfig
from tidegate.train import (
    Finished,
    Progressed,
    Sampled,
    Started,
    TrainConfig,
    Validated,
    holds_run,
    load_run,
    new_run,
    train,
)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
def test_hello_is_learned(tmp_path: Path, cell):
    # The lecture notes' example: the two l's have different successors, so only a memory can tell them apart.
    (tmp_path / "hello.txt").write_text("hello")
    corpus = new_run(tmp_path / "run", lambda out: prepare_corpus(tmp_path / "hello.txt", out, splits=None))
    config = TrainConfig(batch_size=1, k1=4, steps=80, warmup_steps=0, learning_rate=0.03, validate_every=40)
    train(
        tmp_path / "run",
        corpus,
        LanguageModelConfig(corpus.tokenizer.vocabulary_size, cell=cell, hidden_size=16),
        config,
    )
    run = load_run(tmp_path / "run")
    word, state = "h", None
    with torch.no_grad():
        for _ in range(4):
            logits, state = run.model(torch.from_numpy(run.tokenizer.encode(word[-1])).unsqueeze(0), state)
            word += run.tokenizer.decode([int(logits[0, -1].argmax())])
    assert word == "hello"
    assert run.config.baselines["bigram"] > 0.3 > 0.05 > (run.validation or 0.0)


@pytest.mark.parametrize("feeding", ["greedy", "sampled"])
def test_hello_is_learned_with_its_own_predictions_mixed_in(tmp_path: Path, feeding):
    (tmp_path / "hello.txt").write_text("hello")
    corpus = new_run(tmp_path / "run", lambda out: prepare_corpus(tmp_path / "hello.txt", out, splits=None))
    config = TrainConfig(
        batch_size=1,
        k1=4,
        steps=120,
        warmup_steps=0,
        learning_rate=0.03,
        feeding=feeding,
        sampling_probability_start=0.0,
    )
    finished = train(
        tmp_path / "run", corpus, LanguageModelConfig(corpus.tokenizer.vocabulary_size, hidden_size=16), config
    )
    assert finished.best_loss is not None
    assert finished.best_loss < 0.1
    shares = [line["own_share"] for line in lines(tmp_path / "run") if line["event"] == "train"]
    assert shares == pytest.approx([(step - 1) / 120 for step in range(10, 121, 10)])


def test_events_tell_the_story_and_metrics_keep_it(tmp_path: Path):
    events = []
    finished = train_in(tmp_path / "run", report=events.append, sample=lambda model: type(model).__name__)
    started, last = events[0], events[-1]
    assert isinstance(started, Started)
    assert (started.step, started.total_steps, started.prediction_name, started.batch_size) == (0, 30, "character", 4)
    assert list(started.baselines) == ["uniform", "unigram", "bigram", "trigram", "5-gram"]
    assert started.split_kind == "contiguous 90/5/5"
    assert started.parameters == sum(it.numel() for it in load_run(tmp_path / "run").model.parameters())
    assert last == finished
    assert (finished.reason, finished.step, finished.folder) == ("budget", 30, tmp_path / "run")
    progressed = [it for it in events if isinstance(it, Progressed)]
    assert [it.step for it in progressed] == [4, 8, 12, 16, 20, 24, 28, 30]
    assert [it.progress for it in progressed] == [step / 30 for step in (4, 8, 12, 16, 20, 24, 28, 30)]
    assert progressed[-1].seconds_left == 0
    assert all(
        it.predictions_per_second > 0 and it.gradient_norm > 0 and 0 <= it.clipped_share <= 1 for it in progressed
    )
    assert progressed[-1].loss < progressed[0].loss
    validated = [it for it in events if isinstance(it, Validated)]
    assert [it.step for it in validated] == [10, 20, 30]
    assert finished.best_loss == min(it.loss for it in validated) == validated[-1].best_loss
    assert [it for it in events if isinstance(it, Sampled)] == [Sampled(step, "LanguageModel") for step in (10, 20, 30)]
    story = [(line["event"], line["step"]) for line in lines(tmp_path / "run")]
    assert story[:3] == [("train", 4), ("train", 8), ("validation", 10)]
    assert story[-4:] == [("train", 30), ("validation", 30), ("sample", 30), ("finished", 30)]


def test_first_report_is_the_mean_of_the_first_steps_by_hand(tmp_path: Path):
    corpus = corpus_in(tmp_path / "run")
    positions = (len(corpus.train) - 1) // 2
    config = TrainConfig(batch_size=2, k1=positions, epochs=1, report_every=1, seed=5)  # one step: the whole text
    train(tmp_path / "run", corpus, model_for(corpus), config)
    fresh = tmp_path / "fresh"
    with pytest.raises(KeyboardInterrupt):
        train(fresh, corpus_in(fresh), model_for(corpus), config, report=interrupt)  # before the first step
    model = load_run(fresh).model
    nats = [evaluate(model, corpus.train[n * positions : (n + 1) * positions + 1], batch_size=1).loss for n in (0, 1)]
    assert lines(tmp_path / "run")[0]["nats"] == pytest.approx(sum(nats) / 2, rel=1e-5)


def interrupt(event):
    raise KeyboardInterrupt


def test_model_of_the_folder_is_the_best_on_validation(tmp_path: Path):
    def spoil(model) -> str:
        with torch.no_grad():
            model.output.bias[0] += 20
        return ""

    finished = train_in(tmp_path / "run", sample=spoil)
    run = load_run(tmp_path / "run")
    found = [line for line in lines(tmp_path / "run") if line["event"] == "validation"]
    best = min(found, key=lambda line: line["nats"])
    assert best is not found[-1], "this test is about a best that is not the last"
    assert (run.step, run.validation) == (best["step"], best["nats"]) == (best["step"], finished.best_loss)
    again = evaluate(run.model, run.open_data().validation, batch_size=4).loss
    assert again == pytest.approx(best["nats"], rel=1e-6)


def test_without_improvement_it_stops_early(tmp_path: Path):
    finished = train_in(tmp_path / "run", steps=5000, learning_rate=0.3, seed=1, patience=3)
    assert finished.reason == "early stopping"
    best = [line["best"] for line in lines(tmp_path / "run") if line["event"] == "validation"]
    assert best[-3:] == [False, False, False]
    assert all(any(best[n : n + 3]) for n in range(len(best) - 3))
    assert finished.step == 10 * len(best) < 5000


def test_epochs_and_minutes_end_a_run(tmp_path: Path):
    finished = train_in(tmp_path / "a", steps=None, epochs=2, k1=100)
    corpus = corpus_in(tmp_path / "b")
    assert finished.step == 2 * -(-((len(corpus.train) - 1) // 4) // 100)
    finished = train(tmp_path / "b", corpus, model_for(corpus), TrainConfig(batch_size=4, k1=10, minutes=0.5 / 60))
    assert 0.5 <= finished.elapsed < 5
    assert finished.reason == "budget"


def test_same_seed_same_run_and_nothing_outside_disturbs_it(tmp_path: Path):
    torch.manual_seed(1)
    train_in(tmp_path / "a", model={"dropout": 0.3, "num_layers": 2})
    torch.manual_seed(2)
    before = torch.random.get_rng_state()

    def noisy(model) -> str:
        torch.rand(7)
        model.train()
        return "x"

    train_in(tmp_path / "b", model={"dropout": 0.3, "num_layers": 2}, sample=noisy, report=lambda event: torch.rand(3))
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's random state must come back"
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()
    train_in(tmp_path / "c", model={"dropout": 0.3, "num_layers": 2}, seed=1)
    assert (tmp_path / "a/model.safetensors").read_bytes() != (tmp_path / "c/model.safetensors").read_bytes()


def test_gradients_are_clipped_and_the_fraction_is_reported(tmp_path: Path):
    train_in(tmp_path / "a", clip=1e-4)
    train_in(tmp_path / "b", clip=None)
    train_in(tmp_path / "c", clip=1e9)
    shares = [[line["clipped_share"] for line in lines(tmp_path / name) if line["event"] == "train"] for name in "abc"]
    assert set(shares[0]) == {1.0}
    assert set(shares[1]) == set(shares[2]) == {0.0}
    assert (tmp_path / "b/model.safetensors").read_bytes() == (tmp_path / "c/model.safetensors").read_bytes()


def test_ctrl_c_lets_the_step_finish_and_writes_a_checkpoint(tmp_path: Path):
    def press(event) -> None:
        if isinstance(event, Progressed) and event.step == 12:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    finished = train_in(tmp_path / "run", report=press)
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("interrupted", 13)
    assert state(tmp_path / "run")[1]["step"] == 13
    assert signal.getsignal(signal.SIGINT) is before
    assert "finished" not in [line["event"] for line in lines(tmp_path / "run")]


def test_second_ctrl_c_stops_at_once(tmp_path: Path):
    def press(event) -> None:
        if isinstance(event, Progressed):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train_in(tmp_path / "run", report=press)
    assert state(tmp_path / "run")[1]["step"] == 0


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(tmp_path: Path):
    # Parameters this large overflow the logits, and the difference of two infinities is nan.
    events = []

    def spoil(model) -> str:
        with torch.no_grad():
            model.output.weight.fill_(3e38)
        return ""

    with pytest.raises(NonFiniteLossError) as caught:
        train_in(tmp_path / "run", sample=spoil, report=events.append, checkpoint_every=7)
    message = str(caught.value)
    assert "at step 10 " in message
    assert f"checkpoint of step 10 is kept in {tmp_path / 'run'}" in message
    for hint in ("smaller learning rate", "stronger clipping", "longer warm-up"):
        assert hint in message
    assert not isinstance(events[-1], Finished)
    run = load_run(tmp_path / "run")
    assert run.step == 10
    assert run.model.output.weight.abs().max() < 100, "the model in the folder is that of the validation"


def test_too_large_a_learning_rate_is_caught_by_itself(tmp_path: Path):
    with pytest.raises(NonFiniteLossError, match="The loss became"):
        train_in(tmp_path / "run", learning_rate=1e38, warmup_steps=0, clip=None, weight_decay=0.0)
    run = load_run(tmp_path / "run")
    assert all(it.isfinite().all() for it in run.model.parameters())


def test_a_text_too_short_for_the_batch_shrinks_it_and_says_so(tmp_path: Path):
    events = []
    train_in(tmp_path / "run", batch_size=1000, report=events.append)
    assert isinstance(events[0], Started)
    assert events[0].batch_size < 1000
    assert f"the batch size is now {events[0].batch_size}" in events[0].notes[-1]


def test_a_folder_in_use_another_corpus_and_another_vocabulary_are_refused(tmp_path: Path):
    train_in(tmp_path / "run", steps=2)
    corpus = corpus_in(tmp_path / "other")
    with pytest.raises(RunFolderError, match=r"already holds a run.*--resume.*--overwrite"):
        train(tmp_path / "run", corpus, model_for(corpus), CONFIG)
    with pytest.raises(RunFolderError, match="already holds a run"):
        corpus_in(tmp_path / "run")
    with pytest.raises(RunFolderError, match="holds its own data"):
        train(tmp_path / "third", corpus, model_for(corpus), CONFIG)
    with pytest.raises(ArgumentError, match="vocabulary_size is 3"):
        train(tmp_path / "other", corpus, LanguageModelConfig(3), CONFIG)


def test_baselines_are_measured_where_the_model_is(tmp_path: Path):
    train_in(tmp_path / "run", steps=2, validation_tokens=40)
    run = load_run(tmp_path / "run")
    corpus = run.open_data()
    assert run.config.baselines == dict(
        ngram_baselines(corpus.train, corpus.validation[:40], corpus.tokenizer.vocabulary_size)
    )
    assert run.config.baselines != dict(
        ngram_baselines(corpus.train, corpus.validation, corpus.tokenizer.vocabulary_size)
    )
    assert [line["units"] for line in lines(tmp_path / "run") if line["event"] == "validation"] == [39]


def test_without_accelerate_it_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(
        MissingDependencyError, match=r"needs accelerate\. It is not installed: pip install 'accelerate>="
    ):
        train_in(tmp_path / "run")


def test_fp16_on_a_cpu_is_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(ArgumentError, match="choose 'bf16' or 'no'"):
        train_in(tmp_path / "run", mixed_precision="fp16", device="cpu")
    assert not holds_run(tmp_path / "run")


def test_bf16_trains(tmp_path: Path):
    finished = train_in(tmp_path / "run", mixed_precision="bf16", steps=60)
    plain = train_in(tmp_path / "plain", steps=60)
    assert finished.best_loss is not None
    assert plain.best_loss is not None
    assert finished.best_loss != plain.best_loss
    assert finished.best_loss == pytest.approx(plain.best_loss, rel=0.05)


def test_checkpoints_and_validations_do_not_change_what_is_learned(tmp_path: Path):
    train_in(tmp_path / "a", validate_every=30)
    train_in(tmp_path / "b", validate_every=30, checkpoint_every=1)
    tensors, others = state(tmp_path / "a")[0], state(tmp_path / "b")[0]
    torch.testing.assert_close(tensors, others, rtol=0, atol=0)
