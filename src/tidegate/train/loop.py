"""The loop that trains every task."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError, NonFiniteLossError
from tidegate.train.checkpoint import Checkpoint, write_checkpoint
from tidegate.train.config import TrainConfig
from tidegate.train.distributed import Objective, Processes
from tidegate.train.events import Event, Finished, Progressed, Sampled, StoppingReason, Validated
from tidegate.train.interrupt import Interrupt, interruptible
from tidegate.train.metrics import Metrics
from tidegate.train.optimization import schedule
from tidegate.train.optimization.averaging import Averages
from tidegate.train.optimization.optimizer import (
    build_optimizer,
    gradient_norm,
    optimizer_tensors,
    restore_optimizer,
    set_rate,
    use_sparse_gradients,
)
from tidegate.train.randomness import seed_torch
from tidegate.train.run_folder import load_parameters, write_model
from tidegate.train.task import Carried, Evaluation, Task


class Loop:
    """One training run: step, report, validate, checkpoint.

    Step s trains on batch s modulo the epoch's length. All that happens between two steps is a function of the step,
    and everything a step depends on is in the checkpoint, so a resumed run repeats the uninterrupted run.

    Args:
        task: the task.
        config: training settings.
        folder: the run folder.
        processes: this process among the others.
        checkpoint: where to resume; of a new run, the counters of step 0 and no tensors.
        report: called with every event, on the main process.
        sample: writes a sample with the model after each validation, on the main process.
    """

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        folder: Path,
        processes: Processes,
        checkpoint: Checkpoint,
        report: Callable[[Event], None],
        sample: Callable[[Any], str] | None,
    ) -> None:
        self.task, self.config, self.folder, self.processes = task, config, folder, processes
        self.report, self.sample = report, sample
        self.batches = task.batches(processes.rank, processes.world)
        seed_torch(processes.device, config.seed, "initial values")
        self.model: nn.Module = task.new_model()
        self.parameters = list(self.model.parameters())
        self.optimizer = build_optimizer(self.model, config, processes.device)
        if processes.world == 1:
            use_sparse_gradients(self.model, config, processes.device)
        self._objective, self._stepper = processes.prepare(Objective(task, self.model), self.optimizer)
        self.carried: Carried = task.start(self.model, processes.rank, processes.world)
        self.best: dict[str, Tensor] = {}
        self.averages = Averages(self.model, config.average_after)
        self._origin = checkpoint
        self.counters = checkpoint.counters
        if checkpoint.tensors:
            self._restore(checkpoint)
        self.metrics = Metrics(folder, self.counters.metrics_bytes) if processes.main else None
        self._stop = False
        self._saved: int | None = None
        self._model_written: int | None = None
        self._began = self._reported = time.monotonic()
        self._elapsed_before = self.counters.elapsed
        self._agreed = self.counters.elapsed  # seconds trained, the same in all processes
        self._share_before = self._share()
        self._predictions_reported = 0

    def run(self) -> Finished:
        """Train until the budget is used up, validation stops improving, or the run is interrupted.

        Returns:
            The last event.

        Raises:
            NonFiniteLossError: the loss, its gradient or the selection loss became inf or nan.
            ProcessLostError: another process ended.
        """
        if self.counters.finished == "early stopping":
            return self._end("early stopping")
        if self.counters.finished is not None and self._share() >= 1:
            return self._end("budget")
        self.counters.finished = None
        patience = self.config.patience
        with self.processes.lost_process_errors(self._saved_checkpoint), interruptible() as interrupt:
            while True:
                share = self._share()
                if share >= 1:
                    return self._finish("budget")
                if patience is not None and self.counters.without_best >= patience:
                    return self._finish("early stopping")
                if self._stop:
                    self.checkpoint()
                    return self._end("interrupted")
                self._step(share, interrupt)
                self._between_steps()

    def checkpoint(self) -> None:
        """Write the training state, then the best model so far."""
        counters = self.counters
        counters.elapsed = self._elapsed()
        if self.metrics is not None:
            counters.metrics_bytes = self.metrics.commit()
        carried = {name: self.processes.gather(tensor) for name, tensor in self.carried.items()}
        self._saved = counters.step
        if not self.processes.main:
            return
        model: dict[str, Tensor] = dict(self.model.named_parameters())
        moments = optimizer_tensors(self.model, self.optimizer)
        tensors = {"model": model, "optimizer": moments, "best": self.best, "carried": carried}
        tensors["average"] = self.averages.tensors()
        scaler = self.processes.scaler_state()
        write_checkpoint(self.folder, replace(self._origin, counters=counters, scaler=scaler, tensors=tensors))
        of_step = counters.best_step if self.best else counters.step
        if of_step != self._model_written:
            write_model(self.folder, self.best or model, step=of_step, validation=counters.best)
            self._model_written = of_step

    def close(self) -> None:
        """Close the files and release what refers to the other processes."""
        if self.metrics is not None:
            self.metrics.close()
        del self._objective, self._stepper

    def _restore(self, checkpoint: Checkpoint) -> None:
        load_parameters(self.model, dict(checkpoint.tensors["model"]))
        restore_optimizer(self.model, self.optimizer, checkpoint.tensors["optimizer"])
        self.averages.restore(checkpoint.tensors["average"])
        self.processes.restore_scaler(checkpoint.scaler)
        rank, device = self.processes.rank, self.processes.device
        self.carried = {name: it[rank].to(device, copy=True) for name, it in checkpoint.tensors["carried"].items()}
        self.best = {name: it.clone() for name, it in checkpoint.tensors["best"].items()}

    def _step(self, share: float, interrupt: Interrupt) -> None:
        config, counters, processes = self.config, self.counters, self.processes
        epoch, index = divmod(counters.step, len(self.batches))
        if index == 0:
            self.carried = self.task.start(self.model, processes.rank, processes.world)
        seed_torch(processes.device, config.seed, processes.rank, counters.step)
        loss = self._objective(
            self.batches.batch(epoch, index), self.carried, schedule.sampling_probability(config, share)
        )
        rate = self._learning_rate(counters.step, share) * loss.rate_factor
        processes.backward(loss.mean if loss.penalty is None else loss.mean + loss.penalty)
        # SGD clips in the step itself, which saves a pass over all gradients.
        scales_step = config.optimizer == "sgd" and not processes.scales
        norm = gradient_norm(self.parameters) if scales_step else processes.clip(self.parameters, config.clip)
        # The step's only wait for the device: both numbers together.
        value, size = torch.stack([loss.mean.detach().float(), norm.detach().float()]).tolist()
        main = float(processes.main)
        value, stop, self._agreed = processes.sum(value, interrupt.requested, main * self._elapsed())
        value /= processes.world
        if not math.isfinite(value) or not (math.isfinite(size) or processes.scales):
            raise self._non_finite(value, size, rate)
        set_rate(self.optimizer, config, rate, size if scales_step else 0.0)
        self._stepper.step()
        self._stepper.zero_grad()
        self.averages.add()
        self.carried = loss.carried
        self._stop = stop > 0
        predictions = self.batches.predictions(epoch, index)
        counters.step += 1
        counters.loss += value * predictions
        counters.predictions += predictions
        self._predictions_reported += predictions
        if math.isfinite(size):  # with fp16 a step whose scaled gradient overflowed was left out
            counters.steps += 1
            counters.norm += size
            counters.clipped += config.clip is not None and size > config.clip

    def _between_steps(self) -> None:
        config, step = self.config, self.counters.step
        if step % config.report_every == 0 or self._share() >= 1:
            self._report()
        began = time.monotonic()
        if step % (config.validate_every or len(self.batches)) == 0:
            self._validate()
            self.checkpoint()
        elif config.checkpoint_every is not None and step % config.checkpoint_every == 0:
            self.checkpoint()
        self._reported += time.monotonic() - began  # so that the speed is that of training

    def _report(self) -> None:
        counters, share, now = self.counters, self._share(), time.monotonic()
        before = (counters.step - 1, self._share_of(counters.step - 1))
        done = share - self._share_before
        event = Progressed(
            step=counters.step,
            progress=share,
            epoch=counters.step / len(self.batches),
            loss=counters.loss / counters.predictions,
            learning_rate=self._learning_rate(*before),
            gradient_norm=counters.norm / max(1, counters.steps),
            clipped_share=counters.clipped / max(1, counters.steps),
            sampling_probability=schedule.sampling_probability(self.config, before[1]),
            predictions_per_second=self._predictions_reported / max(now - self._reported, 1e-9),
            seconds_left=(now - self._began) * (1 - share) / done if done > 0 else None,
            elapsed=self._elapsed(),
        )
        self._send(event)
        self._write(
            "train",
            progress=event.progress,
            nats=event.loss,
            learning_rate=event.learning_rate,
            gradient_norm=event.gradient_norm,
            clipped_share=event.clipped_share,
            own_share=event.sampling_probability,
            clock={"units_per_second": event.predictions_per_second},
        )
        counters.loss, counters.norm = 0.0, 0.0
        counters.predictions = counters.steps = counters.clipped = 0
        self._reported, self._predictions_reported = now, 0

    def _validate(self) -> None:
        counters = self.counters
        counters.validated = counters.step
        self.model.eval()
        with self.averages.in_use():
            self._evaluate_and_sample()
        self.model.train()

    def _evaluate_and_sample(self) -> None:
        counters = self.counters
        found = (self.task.validate(self.model) if self.processes.main else None) or Evaluation(0.0, 0)
        selection_loss = found.loss if found.selection_loss is None else found.selection_loss
        loss, predictions, selection_loss = self.processes.sum(found.loss, found.predictions, selection_loss)
        if not predictions and (self.config.schedule == "plateau" or self.config.average_after is not None):
            raise ArgumentError(
                "schedule='plateau' and average_after follow the validation loss, but the data have no validation "
                "part: choose a split with one, or another schedule."
            )
        if predictions:
            if not math.isfinite(loss):
                raise self._non_finite(loss, math.nan, math.nan)
            if not math.isfinite(selection_loss):
                metric = next(iter(found.metrics), "selection loss")
                raise self._non_finite(selection_loss, math.nan, math.nan, what=f"validation's {metric}")
            # Ties are broken by the loss.
            before = (counters.best_selection_loss, counters.best)
            best = None in before or (selection_loss, loss) < before
            if best:
                counters.best_selection_loss, counters.best = selection_loss, loss
                counters.best_step, counters.without_best = counters.step, 0
                self.best = {name: it.detach().cpu().clone() for name, it in self.model.named_parameters()}
            else:
                counters.without_best += 1
                counters.decays += self.config.schedule == "plateau"
            self.averages.observe(loss)
            self._write("validation", nats=loss, best=best, units=int(predictions), metrics=dict(found.metrics))
            lowest = loss if counters.best is None else counters.best
            metrics = dict(found.metrics)
            self._send(Validated(counters.step, self._share(), loss, best, lowest, self._elapsed(), metrics))
        if self.sample is not None and self.processes.main:
            with torch.no_grad():
                text = self.sample(self.model)
            self._write("sample", text=text)
            self._send(Sampled(counters.step, text))

    def _finish(self, reason: StoppingReason) -> Finished:
        if self.counters.predictions:
            self._report()
        if self.counters.validated != self.counters.step:
            self._validate()
        self._write("finished", why=reason)
        self.counters.finished = reason
        self.checkpoint()
        return self._end(reason)

    def _end(self, reason: StoppingReason) -> Finished:
        counters = self.counters
        finished = Finished(reason, counters.step, counters.best, self._elapsed(), self.folder)
        self._send(finished)
        return finished

    def _non_finite(self, loss: float, norm: float, rate: float, *, what: str = "loss") -> NonFiniteLossError:
        return NonFiniteLossError(
            f"The {what} became {loss} at step {self.counters.step} (gradient norm {norm:.3g}, learning rate "
            f"{rate:.3g}). {self._saved_checkpoint()} Try a smaller learning rate (a third of "
            f"{self.config.learning_rate:g}), stronger clipping (now {self.config.clip}), a longer warm-up "
            f"(now {self.config.warmup_steps} steps)"
            + (", or mixed_precision='no'." if self.config.mixed_precision != "no" else ".")
        )

    def _saved_checkpoint(self) -> str:
        return f"The checkpoint of step {self._saved} is kept in {self.folder}." if self._saved is not None else ""

    def _learning_rate(self, step: int, share: float) -> float:
        counters = self.counters
        # A report after a validation is of the step before it, which did not know its outcome.
        later = step < counters.step == counters.validated and counters.without_best > 0
        decays = max(0, counters.decays - later)
        return schedule.learning_rate(self.config, step, share, epoch=step // len(self.batches), decays=decays)

    def _share(self) -> float:
        return self._share_of(self.counters.step)

    def _share_of(self, step: int) -> float:
        return schedule.progress(self.config, step, len(self.batches), self._agreed)

    def _elapsed(self) -> float:
        return self._elapsed_before + time.monotonic() - self._began

    def _send(self, event: Event) -> None:
        if self.processes.main:
            self.report(event)

    def _write(self, event: str, *, clock: dict[str, float] | None = None, **values: Any) -> None:
        if self.metrics is not None:
            self.metrics.add(event, self.counters.step, {"elapsed": self._elapsed()} | (clock or {}), **values)
