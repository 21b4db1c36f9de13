"""Pictures of a colour each, with noise: what any classifier can be taught in a few steps.

    python made_up.py FOLDER SEED COUNT        # COUNT pictures of 20x20 pixels in FOLDER/blue, FOLDER/green, FOLDER/red
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

# Seconds. Nothing that a test waits for takes longer, on a machine that is four times slower than one should be.
PATIENCE = 1200

COLOURS = {"blue": (40, 40, 200), "green": (40, 200, 40), "red": (200, 40, 40)}


def pictures(folder: Path, seed: int = 0, count: int = 24, labels_say_nothing: bool = False) -> None:
    """A folder for each colour; or each picture of any colour, so that there is nothing to learn."""
    random = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            base = random.permutation(colour) if labels_say_nothing else colour
            noisy = np.array(base) + random.normal(0, 40, (20, 20, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")


if __name__ == "__main__":
    pictures(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
