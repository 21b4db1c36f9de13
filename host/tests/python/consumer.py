"""Prints what the classifier answers, as the original's consumer does: one list of classes a line."""

import sys

from broker import connect

broker, _ = connect(*sys.argv[1:])
try:
    broker.receive("output-stream", lambda classes: print(classes, flush=True))
except KeyboardInterrupt:
    pass
