"""Images with classes, from IDX files, a folder of images by class, or an .npz, checked before anything is trained.

Everything that is wrong with the data is found here, and raised as a `ValueError` that names the file or class and the remedy.
"""

import hashlib
import sys
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import idx

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
SHOWN = 3  # named in a message; the rest are counted
LEAST = 2  # images of a class: one to train on, one to hold out
SIDES = range(8, 257)  # pixels
# Of red, green and blue: the component uses ITU-R BT.709, Pillow BT.601.
LUMA = np.array([2126, 7152, 721], np.uint32)
DARK = 64  # invisible on black below this, as in the component
HELD_OUT = 1 / 12  # of each class
MOST_CLASSES = 65_536  # the component's limit
ARRAYS = (("images", "classes"), ("x_train", "y_train"))  # of an .npz


@dataclass
class Dataset:
    """Images to train on, all of one size.

    `images` is (N, H, W, C) u8 with C 1 (grey) or 3 (red, green, blue), `classes` (N,) i64, an index into `labels`.
    """

    images: np.ndarray
    classes: np.ndarray
    labels: list[str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.images.shape[1:]

    def digest(self) -> str:
        """SHA-256 over images, classes and labels."""
        digest = hashlib.sha256(repr((self.shape, self.labels)).encode())
        digest.update(np.ascontiguousarray(self.images))
        digest.update(np.ascontiguousarray(self.classes))
        return digest.hexdigest()

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices to train on and indices held out: the same for every seed, so that runs can be compared.

        One image in twelve of each class is held out, and at least one.
        """
        order = np.random.default_rng(0).permutation(len(self.images))
        held_out = np.zeros(len(order), bool)
        for c in range(len(self.labels)):
            of_class = order[self.classes[order] == c]
            held_out[of_class[: max(1, round(len(of_class) * HELD_OUT))]] = True
        return order[~held_out[order]], order[held_out[order]]


def load(path: Path, labels: Path | None = None, size: tuple[int, int] | None = None, grey: bool = False) -> Dataset:
    """The training images at `path`: a folder with IDX files, a folder of folders, or an .npz.

    `labels` is a text file with one name a line, for IDX and .npz. `size` (height, width) stretches pictures of a folder
    to one size; `grey` removes their colour.
    """
    if not path.exists():
        raise ValueError(f"there is no {path}: give --data a folder with IDX files, a folder of images by class, or an .npz")
    if size and not (size[0] in SIDES and size[1] in SIDES):
        raise ValueError(f"--size {size[0]}x{size[1]}: sides must be {SIDES.start} to {SIDES.stop - 1}")
    has_arrays = path.is_file() or idx.find(path, "train-images-idx3-ubyte")
    if has_arrays and (size or grey):
        raise ValueError("--size and --grey are for folders of pictures: IDX files and .npz are used as they are")
    if path.is_file():
        images, classes, names = from_npz(path)
    elif has_arrays:
        images, classes, names = from_idx(path)
    else:
        if labels:
            raise ValueError(f"--labels {labels}: the folders in {path} name the classes already")
        images, classes, names = from_folders(path, size, grey)
    return checked(images, classes, read_labels(labels) if labels else names)


def check_name(name: Path) -> None:
    """Raises `ValueError` for a `name` that the host would refuse as a model's."""
    text = name.name
    if not text or not text.isprintable() or len(text.encode(errors="replace")) > 256 or text.encode(errors="ignore").decode() != text:
        raise ValueError(f"NAME {str(name)!r}: its last part must be printable, and 1 to 256 bytes")


def read_labels(path: Path) -> list[str]:
    """Names of classes, one a line."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--labels {path} cannot be read ({error}): give a text file with one name a line") from None


def from_idx(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """`train-images-idx3-ubyte` and `train-labels-idx1-ubyte`; the names are in `labels.txt`, if there is one."""
    classes = idx.find(folder, "train-labels-idx1-ubyte")
    if classes is None:
        raise ValueError(f"{folder} has train-images-idx3-ubyte and no train-labels-idx1-ubyte: put it beside")
    names = folder / "labels.txt"
    images = idx.read(idx.find(folder, "train-images-idx3-ubyte"))
    return images, idx.read(classes), read_labels(names) if names.is_file() else None


def from_npz(path: Path) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """Arrays `images` and `classes`, or `x_train` and `y_train` as in Keras, and optionally `labels`, the names."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            # Test images and everything else are ignored.
            wanted = {name for pair in ARRAYS for name in pair} | {"labels"}
            arrays = {name: file[name] for name in file.files if name in wanted}
            found = ", ".join(file.files) or "nothing"
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not an .npz without pickled objects ({error}): save it with numpy.savez") from None
    for x, y in ARRAYS:
        if x in arrays and y in arrays:
            return arrays[x], arrays[y], None if "labels" not in arrays else names_in(path, arrays["labels"])
    raise ValueError(f"{path} has {found}: it must have images and classes, or x_train and y_train")


def names_in(path: Path, labels: np.ndarray) -> list[str]:
    """The strings of an array, which NumPy stores as text or as bytes."""
    if labels.ndim != 1 or labels.dtype.kind not in "US":
        raise ValueError(f"labels in {path} are {labels.dtype} of shape {labels.shape}: they must be a list of strings")
    try:
        return [name.decode() if isinstance(name, bytes) else str(name) for name in labels.tolist()]
    except UnicodeDecodeError as error:
        raise ValueError(f"labels in {path} are not UTF-8 ({error})") from None


def from_folders(
    folder: Path, size: tuple[int, int] | None, grey: bool
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """A folder for each class, named as the class; in it pictures of one size. Sorted by name, so the order is fixed."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise ValueError(f"{folder} has no IDX files and no folders: make one for each class, with its images in it")
    if "train" in names and len(names) <= 3 and any(entry.is_dir() for entry in (folder / "train").iterdir()):
        raise ValueError(f"{folder} has a folder train: give --data {folder / 'train'}, so that the rest stays unseen")
    pictures, classes, unreadable, empty, left_out = [], [], [], [], []
    for c, name in enumerate(names):
        entries = sorted(path for path in (folder / name).iterdir() if not path.name.startswith("."))
        # Anything but a file, such as a pipe, is left out like other names; a circular link cannot be read.
        paths = [path for path in entries if path.suffix.lower() in PICTURES and not is_special(path)]
        left_out += [f"{name}/{path.name}" for path in entries if path not in paths]
        if not paths:
            empty.append(name)
        for path in paths:
            try:
                with Image.open(path) as opened:
                    # Before anything is decoded: a folder of photographs would not fit into memory.
                    if not size and not (opened.width in SIDES and opened.height in SIDES):
                        raise ValueError(f"{opened.width}x{opened.height} pixels, give --size such as 64x64")
                    picture = flattened(opened, grey)
                pictures.append((path, picture.resize(size[::-1], Image.Resampling.BILINEAR) if size else picture))
                classes.append(c)
            except (OSError, RuntimeError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                unreadable.append(f"{path} ({error})")
    if empty:
        raise ValueError(f"no images in {some(empty)} of {folder}: add some, or remove the folder")
    if unreadable:
        raise ValueError(f"cannot read {some(unreadable)}: replace or remove")
    if left_out:
        print(f"left out, because they are not pictures: {some(left_out)}", file=sys.stderr)
    sizes = Counter(picture.size for _, picture in pictures)
    if len(sizes) > 1:
        (usual, _), *_ = sizes.most_common()
        odd = [f"{path} ({picture.width}x{picture.height})" for path, picture in pictures if picture.size != usual]
        remedy = f"make them equal, or give --size {usual[1]}x{usual[0]} (height x width)"
        raise ValueError(f"most images are {usual[0]} wide and {usual[1]} high, but not {some(odd)}: {remedy}")
    # One picture with colour makes them all colour: the model has one number of channels.
    mode = "RGB" if any(picture.mode == "RGB" for _, picture in pictures) else "L"
    return np.stack([np.asarray(picture.convert(mode)) for _, picture in pictures]), np.array(classes), names


def flattened(picture: Image.Image, grey: bool) -> Image.Image:
    """Upright, and as 8-bit grey or colour; transparent pixels become black, as in the component."""
    had_words = ";16" in str(picture.tile)  # 16 bits a channel in the file: Pillow keeps them if there is no colour
    picture = in_eight_bits(ImageOps.exif_transpose(picture))
    if had_words and all(low == high for low, high in np.reshape(picture.getextrema(), (-1, 2))):
        raise ValueError("16 bits a channel with nothing in the upper 8: save it with 8")
    has_no_colour = picture.mode in ("1", "L", "LA")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = Image.fromarray(opaque(np.asarray(picture.convert("RGBA"), np.uint32)))
    if has_no_colour:
        return picture.convert("L")
    picture = picture.convert("RGB")
    return Image.fromarray(luma(np.asarray(picture))) if grey else picture


def in_eight_bits(picture: Image.Image) -> Image.Image:
    """Of 16 bits the upper 8, or the lower 8 if all upper ones are 0; a picture of 8 bits as it is."""
    if picture.mode.startswith("F"):
        raise ValueError(f"{picture.mode} has more than 8 bits a channel: save it with 8")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture, np.int64)
    if values.min() < 0 or values.max() >= 1 << 16:
        raise ValueError(f"{picture.mode} has more than 16 bits a channel: save it with 8")
    return Image.fromarray((values if values.max() < 256 else (values + 128) // 257).astype(np.uint8))


def opaque(picture: np.ndarray) -> np.ndarray:
    """RGBA on black. A picture that is dark throughout would be invisible there: it is ink, and is inverted."""
    colours, alpha = picture[..., :3], picture[..., 3:]
    black = (colours * alpha + 127) // 255
    is_ink = (alpha < 255).any() and luma(black).max() < DARK
    return (alpha - black if is_ink else black).astype(np.uint8)


def luma(colours: np.ndarray) -> np.ndarray:
    """Grey of red, green and blue."""
    return ((colours @ LUMA + LUMA.sum() // 2) // LUMA.sum()).astype(np.uint8)


def is_special(path: Path) -> bool:
    """Whether reading it could block for ever, as with a pipe."""
    try:
        return path.exists() and not path.is_file()
    except (OSError, RuntimeError):
        return False


def checked(images: np.ndarray, classes: np.ndarray, names: list[str] | None) -> Dataset:
    """The same as a `Dataset`. Raises `ValueError` with what is wrong."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"images of shape {images.shape}: they must be (N, H, W), (N, H, W, 1) or (N, H, W, 3)")
    if images.dtype != np.uint8:
        raise ValueError(f"images are of type {images.dtype}: save raw pixels 0 to 255 as uint8")
    if images.shape[1] not in SIDES or images.shape[2] not in SIDES:
        raise ValueError(f"images of {images.shape[1]} x {images.shape[2]} pixels: sides must be {SIDES.start} to {SIDES.stop - 1}")
    if classes.ndim == 2 and classes.shape[1] == 1:  # as in Keras' CIFAR
        classes = classes[:, 0]
    if classes.ndim != 1 or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(f"classes are {classes.dtype} of shape {classes.shape}: they must be one integer an image")
    if len(images) != len(classes):
        raise ValueError(f"{len(images)} images and {len(classes)} classes: there must be one for each")
    if len(images) == 0:
        raise ValueError("no images")
    if classes.max() > MOST_CLASSES:
        raise ValueError(f"class {classes.max()} of image {classes.argmax()}: classes count from 0")
    classes = classes.astype(np.int64)
    if classes.min() < 0:
        raise ValueError(f"class {classes.min()} of image {classes.argmin()}: classes count from 0")
    count = int(classes.max()) + 1
    if names is None:
        if count > len(classes):
            raise ValueError(f"class {count - 1} of image {classes.argmax()} for {len(classes)} images: classes count from 0")
        names = [str(c) for c in range(count)]
    if count > len(names):
        raise ValueError(f"class {count - 1} of image {classes.argmax()}, but {len(names)} labels: name every class")
    bad = [repr(name) for name in names if not name.strip() or len(name.encode()) > 256 or not name.isprintable()]
    if bad or len(set(names)) < len(names):
        bad = bad or [repr(name) for name, times in Counter(names).items() if times > 1]
        raise ValueError(f"labels {some(bad)}: each must be different, printable, and at most 256 bytes")
    if len(names) < 2:
        raise ValueError(f"one class, {names[0]!r}: give two or more")
    per_class = np.bincount(classes, minlength=len(names))
    few = [f"{name!r} ({times})" for name, times in zip(names, per_class) if times < LEAST]
    if few:
        raise ValueError(f"classes with fewer than {LEAST} images: {some(few)}: add some, or leave the class out")
    if (images == images[0]).all():
        raise ValueError("all images are equal: no model can tell them apart")
    return Dataset(images, classes, names)


def some(offenders: list[str]) -> str:
    """The first few, and how many more there are."""
    rest = len(offenders) - SHOWN
    return ", ".join(offenders[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
