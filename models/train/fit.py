"""The training itself: from a fresh network to its best averaged weights, resumable after each epoch."""

import copy
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from augment import Views, erase
from hyperparameters import Hyperparameters

MOMENTUM = 0.9
SMALLEST_BATCH = 8  # with fewer the statistics of a normalisation mean little


class Collapsed(Exception):
    """The network learned nothing, or its weights are not finite any more."""


@dataclass
class Epoch:
    """What is known after one pass. Validation is of the averaged weights."""

    loss: float
    validation_loss: float
    validation_accuracy: float
    rate: float
    seconds: float


@dataclass
class Part:
    """Some of the images: (N, C, H, W) u8, (N,) i64."""

    images: torch.Tensor
    classes: torch.Tensor


class Fit:
    """A training. `run` it; then `best` has the weights, and `history` every epoch."""

    def __init__(self, network: nn.Module, hyper: Hyperparameters, epochs: int, seed: int, device: str, bf16: bool):
        self.network = network.to(device=device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.network)
        self.hyper, self.epochs, self.device, self.bf16 = hyper, epochs, device, bf16
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[Epoch] = []
        self.taken = 0  # steps
        self.best: dict | None = None
        self.best_epoch = 0
        decayed = [p for p in network.parameters() if p.dim() > 1]
        rest = [p for p in network.parameters() if p.dim() == 1]
        groups = [{"params": decayed, "weight_decay": hyper.decay}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, hyper.rate, MOMENTUM, nesterov=True)

    def run(
        self,
        train: Part,
        held_out: Part,
        teacher: torch.Tensor | None,
        patience: int,
        checkpoint: Path,
        settings: dict,
    ) -> None:
        """Trains until the epochs are done or validation has not improved for `patience` of them.

        `teacher` has the teacher's log-probabilities of each view of each training image, (N, views, labels).
        """
        views = Views(self.hyper.shift, self.hyper.flip)
        padded = views.pad(train.images).to(self.device)
        classes = train.classes.to(self.device)
        batch = min(self.hyper.batch, max(SMALLEST_BATCH, len(classes) // 8), len(classes))
        # Smaller batches, smaller steps.
        peak = self.hyper.rate * batch / self.hyper.batch
        steps = len(classes) // batch
        while len(self.history) < self.epochs and self.without_progress() < patience:
            started, lost = time.monotonic(), 0.0
            self.network.train()
            order = torch.randperm(len(classes), generator=self.generator)[: steps * batch]
            for step, chosen in enumerate(self.progress(order.split(batch))):
                rate = peak * self.warmth((len(self.history) + step / steps) / self.epochs)
                seen = torch.randint(views.count, (len(chosen),), generator=self.generator)
                images = views.of(padded[chosen], seen.to(self.device)).float() / 255
                images = erase(images, self.hyper.erase, self.generator)
                answers = None if teacher is None else teacher[chosen, seen].float().to(self.device)
                loss = self.step(images, classes[chosen], answers, rate)
                if not math.isfinite(loss):
                    raise Collapsed(f"the loss is {loss} in epoch {len(self.history) + 1}: --set rate={self.hyper.rate / 10:g}")
                lost += loss
            validation_loss, accuracy = self.validate(held_out)
            self.history.append(Epoch(lost / steps, validation_loss, accuracy, rate, time.monotonic() - started))
            # Of equal ones the later: its average covers more.
            if not self.best_epoch or accuracy >= self.history[self.best_epoch - 1].validation_accuracy:
                self.best, self.best_epoch = copy.deepcopy(self.averaged.state_dict()), len(self.history)
            self.save(checkpoint, settings)
            self.tell(self.history[-1])

    def without_progress(self) -> int:
        """Epochs since one was better than all before it."""
        reached = [epoch.validation_accuracy for epoch in self.history]
        return len(reached) - 1 - reached.index(max(reached)) if reached else 0

    def progress(self, batches: tuple[torch.Tensor, ...]) -> Iterator[torch.Tensor]:
        """The batches, under a bar where a terminal shows it."""
        text = f"epoch {len(self.history) + 1}/{self.epochs}"
        return tqdm(batches, text, unit="batch", dynamic_ncols=True, leave=False, disable=None)

    def tell(self, epoch: Epoch) -> None:
        """A line an epoch."""
        text = f"epoch {len(self.history)}/{self.epochs}: loss {epoch.loss:.4f}, held out {epoch.validation_accuracy:.2%}"
        tqdm.write(f"{text}, {epoch.seconds:.0f} s")
        sys.stdout.flush()

    def warmth(self, done: float) -> float:
        """The share of the highest rate after the share `done` of all steps: a linear rise, then half a cosine."""
        warm_up = self.hyper.warm_up
        if done < warm_up:
            return min(1.0, max(done, 1e-3) / warm_up)
        return (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2

    def step(self, images: torch.Tensor, classes: torch.Tensor, teacher: torch.Tensor | None, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.bf16):
            logits = self.network(images)
        logits = logits.float()
        loss = functional.cross_entropy(logits, classes, label_smoothing=self.hyper.smoothing)
        if teacher is not None:
            t = self.hyper.temperature
            divergence = functional.kl_div(
                (logits / t).log_softmax(1), (teacher / t).log_softmax(1), log_target=True, reduction="batchmean"
            )
            loss = (1 - self.hyper.teaching) * loss + self.hyper.teaching * t * t * divergence
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.average()
        return loss.item()

    @torch.no_grad()
    def average(self) -> None:
        """Moves the averaged weights, and the statistics of the normalisations, a little towards the present ones."""
        # At first an average over all so far, so that the random initial weights are soon forgotten.
        self.taken += 1
        keep = min(self.hyper.average, (1 + self.taken) / (10 + self.taken))
        for kept, present in zip(self.averaged.state_dict().values(), self.network.state_dict().values()):
            if kept.is_floating_point():
                kept.lerp_(present, 1 - keep)
            else:
                kept.copy_(present)

    @torch.no_grad()
    def validate(self, part: Part) -> tuple[float, float]:
        """Mean loss and accuracy of the averaged weights."""
        self.averaged.eval()
        logits = []
        for batch in part.images.split(1000):
            images = batch.to(self.device).float() / 255
            logits.append(self.averaged(images.contiguous(memory_format=torch.channels_last)).cpu())
        logits = torch.cat(logits)
        right = (logits.argmax(1) == part.classes).float().mean()
        return functional.cross_entropy(logits, part.classes).item(), right.item()

    def save(self, checkpoint: Path, settings: dict) -> None:
        """Everything that the next epoch depends on; written whole or not at all."""
        state = {
            # Plain text and tensors: PyTorch reads them back without running code of the file.
            "settings": json.dumps(settings),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "momenta": self.optimizer.state_dict()["state"],
            "generator": self.generator.get_state(),
            "taken": self.taken,
            "history": json.dumps([asdict(epoch) for epoch in self.history]),
            "best": self.best,
            "best_epoch": self.best_epoch,
        }
        beside = checkpoint.with_name(checkpoint.name + ".new")
        torch.save(state, beside)
        beside.replace(checkpoint)

    def resume(self, checkpoint: Path, settings: dict) -> None:
        """Restores the state of `checkpoint`. Raises `ValueError` if it belongs to another training."""
        if not checkpoint.is_file():
            raise ValueError(f"--resume: there is no {checkpoint}; leave --resume out to start from the beginning")
        try:
            state = torch.load(checkpoint, map_location=self.device, weights_only=True)
            saved = json.loads(state["settings"])
        except Exception as error:  # PyTorch has no common class for the errors of a damaged file
            raise ValueError(f"--resume: {checkpoint} cannot be read ({error!r}): start from the beginning") from None
        changed = [key for key, value in settings.items() if saved.get(key) != value]
        if changed:
            raise ValueError(f"--resume: {checkpoint} is of another training ({', '.join(changed)}): start from the beginning")
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state["momenta"]})
        self.generator.set_state(state["generator"].cpu())
        self.taken = state["taken"]
        self.history = [Epoch(**epoch) for epoch in json.loads(state["history"])]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
