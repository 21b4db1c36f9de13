"""How each network is trained."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Hyperparameters:
    """Everything that a training needs to know except the data."""

    batch: int = 128
    rate: float = 0.1  # the highest, after the warm-up
    warm_up: float = 0.1  # of all steps
    decay: float = 5e-4  # of weights, but not of biases and normalisations
    smoothing: float = 0.1  # of labels
    shift: int = 2  # pixels, each way
    flip: bool = True
    erase: float = 0.5  # of the images
    average: float = 0.998  # how much the averaged weights keep at each step
    teaching: float = 0.9  # the teacher's share of the loss, if there is one
    temperature: float = 2.0  # for comparing teacher and student

    def changed(self, settings: list[str]) -> "Hyperparameters":
        """A copy with each KEY=VALUE of `settings` replaced. Raises `ValueError` for an unknown key or a wrong value."""
        values = {}
        for setting in settings:
            key, _, text = setting.partition("=")
            own = getattr(self, key, None) if key in {field.name for field in dataclasses.fields(self)} else None
            if own is None:
                known = ", ".join(field.name for field in dataclasses.fields(self))
                raise ValueError(f"--set {setting}: the keys are {known}")
            try:
                values[key] = {"yes": True, "no": False}[text] if isinstance(own, bool) else type(own)(text)
            except (KeyError, ValueError):
                kind = "yes or no" if isinstance(own, bool) else "a whole number" if isinstance(own, int) else "a number"
                raise ValueError(f"--set {setting}: {key} must be {kind}, such as {key}={own}") from None
        changed = dataclasses.replace(self, **values)
        for key, low, high in (
            ("batch", 2, 1 << 16), ("rate", 1e-9, 1e3), ("warm_up", 0, 0.9), ("decay", 0, 1), ("smoothing", 0, 0.9),
            ("shift", 0, 16), ("erase", 0, 1), ("average", 0, 0.99999), ("teaching", 0, 1), ("temperature", 0.1, 100),
        ):  # fmt: skip
            value = getattr(changed, key)
            if not low <= value <= high:  # also false for NaN
                raise ValueError(f"--set {key}={value}: it must be {low} to {high}")
        return changed


BY_NETWORK = {
    # A small network learns less from changed images than they cost it.
    "small": Hyperparameters(decay=1e-4, shift=1, erase=0.0),
    "large": Hyperparameters(),
}
