"""What fills a component: `python3 xtask/size.py COMPONENT.wasm`, megabytes of code by crate, and of data.

The component has to have its names: CARGO_PROFILE_COMPONENT_STRIP=none cargo build --profile component ...
Format: https://webassembly.github.io/spec/core/appendix/custom.html#name-section
"""

import re
import sys
from collections import Counter

data = open(sys.argv[1], "rb").read()
sizes: Counter = Counter()


def leb(at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def crate(name: str) -> str:
    """The first crate that a mangled or demangled name mentions; generics count where they are defined."""
    found = re.search(r"(?:_ZN|_R[A-Za-z]*?)?(?:\d+)?<?(?:&|mut |dyn |\[|\()*([A-Za-z_][A-Za-z0-9_]*?)(?:::|\[|17h|\d)", name)
    legacy = re.match(r"_ZN(\d+)", name)
    if legacy:
        length = int(legacy.group(1))
        name = name[legacy.end() : legacy.end() + length]
        inner = re.search(r"_?\$LT\$(?:\$RF\$|mut\$u20\$|dyn\$u20\$)*([a-z_0-9]+)\.\.", name)
        return inner.group(1) if inner else name
    return found.group(1) if found else "other"


def module(at: int, end: int) -> None:
    """A core module: code sizes by function, then the names that say whose they are."""
    bodies, imports, names = [], 0, {}
    at += 8
    while at < end:
        kind, (size, at) = data[at], leb(at + 1)
        stop = at + size
        if kind == 2:
            count, here = leb(at)
            for _ in range(count):
                for _ in range(2):
                    length, here = leb(here)
                    here += length
                what, here = data[here], here + 1
                if what == 0:
                    imports, here = imports + 1, leb(here)[1]
                elif what == 3:
                    here += 2
                else:
                    here += what == 1
                    flags, here = leb(here)
                    for _ in range(1 + (flags & 1)):
                        here = leb(here)[1]
        elif kind == 10:
            count, here = leb(at)
            for _ in range(count):
                length, here = leb(here)
                bodies.append(length)
                here += length
        elif kind == 11:
            sizes["(data)"] += size
        elif kind == 0:
            length, here = leb(at)
            if data[here : here + length] == b"name":
                here += length
                while here < stop:
                    part, (size_of_part, here) = data[here], leb(here + 1)
                    if part == 1:
                        count, there = leb(here)
                        for _ in range(count):
                            index, there = leb(there)
                            length, there = leb(there)
                            names[index] = data[there : there + length].decode()
                            there += length
                    here += size_of_part
        at = stop
    for number, length in enumerate(bodies):
        sizes[crate(names.get(imports + number, "other"))] += length


at = 8
while at < len(data):
    kind, (size, at) = data[at], leb(at + 1)
    if kind == 1:
        module(at, at + size)
    at += size
for name, size in sizes.most_common(25):
    print(f"{size / 1e6:6.2f} MB  {name}")
print(f"{sum(sizes.values()) / 1e6:6.2f} MB  in all")
