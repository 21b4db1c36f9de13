"""Trains a classifier of 28x28 grey images on Fashion-MNIST and writes NAME.onnx and NAME.json.

    python train.py EPOCHS NAME [--network long] [--seed 0] [--data FOLDER] [--threads 1]

5,000 of the training images are held out, and candidates are compared by them. The test images are not read here: the
finished model sees them once, in evaluate.py. The same seed and number of threads on one machine give the same file.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional

import fashion_mnist
import network

BATCH = 128
PEAK_RATE = 4e-3
WARM_UP = 0.05  # of all steps
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.05
SHIFT = 1  # pixels, each way


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("epochs", metavar="EPOCHS", type=int, help="passes over the training images")
    parser.add_argument("name", metavar="NAME", type=Path, help="writes NAME.onnx and NAME.json")
    parser.add_argument("--network", choices=network.NETWORKS, default="long", help="a candidate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=fashion_mnist.DEBIAN_FOLDER, help="folder of the IDX files (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="more is faster, but sums in another order")
    parsed = parser.parse_args()
    if parsed.epochs < 1:
        parser.error(f"EPOCHS is {parsed.epochs}: give 1 or more")
    return parsed


def augment(images: torch.Tensor) -> torch.Tensor:
    """Each image of (N, 28 + 2 SHIFT, 28 + 2 SHIFT) u8 cropped at a random place and flipped half of the time.

    Gives (N, 1, 28, 28) f32 in 0..1.
    """
    count, side = len(images), torch.arange(network.SIDE)
    top, left = torch.randint(0, 2 * SHIFT + 1, (2, count, 1))
    columns = torch.where(torch.rand(count, 1) < 0.5, side, side.flip(0)) + left
    return images[torch.arange(count)[:, None, None], (top + side)[:, :, None], columns[:, None, :]][:, None].float() / 255


def probabilities(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """What the network in torch answers for (N, 28, 28) u8: (N, 10) f32."""
    model.eval()
    with torch.inference_mode():
        batches = torch.tensor(images)[:, None].split(1000)
        return torch.cat([model(batch.float() / 255).softmax(1) for batch in batches]).numpy()


def accuracy(answers: np.ndarray, classes: np.ndarray) -> float:
    return round(float((answers.argmax(1) == classes).mean()), 4)


def train(model: nn.Module, images: np.ndarray, classes: np.ndarray, epochs: int) -> None:
    """AdamW with a warm-up and a cosine schedule; the last step's weights are the result."""
    padded = torch.from_numpy(np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT))))
    targets = torch.from_numpy(classes.astype(np.int64))
    steps = len(padded) // BATCH
    # Biases and normalisation are not decayed.
    decayed = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decayed}, {"params": rest, "weight_decay": 0}], weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=epochs * steps, pct_start=WARM_UP, cycle_momentum=False, final_div_factor=100
    )
    for epoch in range(epochs):
        started, seen = time.monotonic(), 0.0
        model.train()
        for batch in torch.randperm(len(padded))[: steps * BATCH].split(BATCH):
            loss = functional.cross_entropy(
                model(augment(padded[batch])), targets[batch], label_smoothing=LABEL_SMOOTHING
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            seen += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {seen / steps:.4f}, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)

    if not options.name.absolute().parent.is_dir():
        raise SystemExit(f"{options.name.parent} is not a folder: make it first")
    images, classes = fashion_mnist.training_set(options.data)
    kept, held_out = fashion_mnist.held_out_split(len(images))
    model = network.build(options.network)
    started = time.monotonic()
    train(model, images[kept], classes[kept], options.epochs)
    seconds = time.monotonic() - started

    exported = network.to_onnx(model, options.name.name, fashion_mnist.LABELS)
    path = Path(f"{options.name}.onnx")
    path.write_bytes(exported.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(path)

    (answers,) = session.run(None, {"images": images[:, None].astype(np.float32)})
    difference = float(np.abs(answers - probabilities(model, images)).max())
    if difference > 1e-4:
        raise SystemExit(f"{path} differs from the trained network by {difference}: the export is wrong")

    report = {
        "network": options.network,
        "epochs": options.epochs,
        "seed": options.seed,
        "threads": options.threads,
        "seconds": round(seconds),
        "accuracy": {
            "train": accuracy(answers[kept], classes[kept]),
            "validation": accuracy(answers[held_out], classes[held_out]),
        },
        "parameters": network.parameters(exported),
        "multiply_adds": network.multiply_adds(exported),
        "bytes": path.stat().st_size,
        "largest_difference_from_torch": difference,
    }
    text = json.dumps(report, indent=2)
    Path(f"{options.name}.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
