"""Trains an image classifier and writes it as NAME.onnx, which is complete.

    python train.py EPOCHS NAME                               # Fashion-MNIST, from Debian's dataset-fashion-mnist
    python train.py EPOCHS NAME --data FOLDER|FILE.npz        # your own images
    python train.py EPOCHS NAME --network large --bf16        # a larger network
    python train.py EPOCHS NAME --teacher LARGE.onnx          # also learns from a larger model

It also writes NAME.json (figures and settings), NAME-curves.png, NAME-confusion.png, and while it runs NAME.checkpoint,
from which --resume continues. One image in twelve is held out and chooses the best epoch; test images are not used. The same
seed and number of threads on one machine give the same file, byte for byte.

Exit codes: 0 done; 1 nothing learned, and no model written; 2 unusable arguments or data; 130 interrupted.
"""

import argparse
import dataclasses
import hashlib
import os
import sys
from pathlib import Path

import torch

import data_options
import dataset
import networks
import report
import result
import teacher
from augment import Views
from fit import Collapsed, Fit, Part
from hyperparameters import BY_NETWORK, Hyperparameters


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("epochs", metavar="EPOCHS", type=int, help="passes over the training images")
    parser.add_argument("name", metavar="NAME", type=Path, help="writes NAME.onnx and the files beside it")
    data_options.add(parser)
    how = parser.add_argument_group("training")
    how.add_argument("--network", choices=BY_NETWORK, default="small", help="(default: %(default)s)")
    how.add_argument("--teacher", type=Path, metavar="ONNX", help="a model of the same images and labels to learn from")
    how.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    how.add_argument("--patience", type=int, metavar="EPOCHS", help="end after this many without progress (default: never)")
    how.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a value of hyperparameters.py, such as erase=0")
    how.add_argument("--resume", action="store_true", help="continue from NAME.checkpoint")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="cpu", help="as PyTorch names it: cpu, cuda (default: %(default)s)")
    machine.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="the result depends on it: sums have another order (default: all, %(default)s)"
    )
    machine.add_argument("--bf16", action="store_true", help="16-bit floats where it is safe: for CPUs that have them")
    parsed = parser.parse_args()
    for what, value in (("EPOCHS", parsed.epochs), ("--patience", parsed.patience), ("--threads", parsed.threads)):
        if value is not None and value < 1:
            parser.error(f"{what} is {value}: give 1 or more")
    if not 0 <= parsed.seed < 1 << 63:
        parser.error(f"--seed is {parsed.seed}: give 0 or more")
    return parsed


def main() -> None:
    options = arguments()
    folder = options.name.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: create it first")
    dataset.check_name(options.name)
    # Fail now if it is not writable, not after an hour.
    probe = Path(f"{options.name}.checkpoint.new")
    probe.touch()
    probe.unlink()
    hyper = BY_NETWORK[options.network].changed(options.set)
    data = data_options.load(options)
    kept, held_out = data.split()
    report.refuse_too_few(data.classes[held_out], data.labels)
    if options.teacher:
        teacher.check(options.teacher, data, hyper)
    use(options)
    height, width, channels = data.shape
    print(
        f"{len(kept)} images to train on and {len(held_out)} held out, {height} x {width} pixels, "
        f"{'grey' if channels == 1 else 'colour'}; {len(data.labels)} classes: {dataset.some(data.labels)}"
    )
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2).contiguous()
    classes = torch.from_numpy(data.classes)
    train, validation = Part(images[kept], classes[kept]), Part(images[held_out], classes[held_out])

    network = networks.BY_NAME[options.network](channels, height, width, len(data.labels))
    fit = Fit(network, hyper, options.epochs, options.seed, options.device, options.bf16)
    checkpoint, inputs = Path(f"{options.name}.checkpoint"), settings(options, hyper, data)
    if options.resume:
        fit.resume(checkpoint, inputs)
    taught = None
    if options.teacher:
        cache = folder / f"{options.teacher.stem}.answers.npz"
        taught = teacher.answers(options.teacher, train.images, Views(hyper.shift, hyper.flip), cache)
    fit.run(train, validation, taught, options.patience or options.epochs, checkpoint, inputs)
    print(result.write(options.name, fit, data, held_out, inputs))
    checkpoint.unlink()


def use(options: argparse.Namespace) -> None:
    """Sets PyTorch up so that the same inputs give the same result."""
    # cuBLAS wants this before it is first used, and is not deterministic without.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.zeros(1, device=options.device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"--device {options.device} cannot be used: {error}") from None
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)


def settings(options: argparse.Namespace, hyper: Hyperparameters, data: dataset.Dataset) -> dict:
    """Everything that the result depends on."""
    taught = options.teacher and hashlib.sha256(options.teacher.read_bytes()).hexdigest()
    return {
        "network": options.network,
        "epochs": options.epochs,
        "seed": options.seed,
        "patience": options.patience,
        "hyperparameters": dataclasses.asdict(hyper),
        "teacher_sha256": taught,
        "data_sha256": data.digest(),
        "device": options.device,
        "threads": options.threads,
        "bf16": options.bf16,
        "torch": str(torch.__version__),
    }


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        sys.exit(2)
    except Collapsed as error:
        print(f"train.py: no model: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ntrain.py: interrupted; --resume continues after the last complete epoch", file=sys.stderr)
        sys.exit(130)
