"""train.py, interrupted as by Ctrl-C when it has told of an epoch, however fast it goes.

    python interrupted.py EPOCH [TRAIN.PY'S ARGUMENTS]
"""

import os
import runpy
import signal
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent


def interrupt_after(last: int) -> None:
    from fit import Fit

    tell = Fit.tell

    def tell_and_interrupt(self: Fit, *epoch) -> None:
        tell(self, *epoch)
        if len(self.history) == last:
            os.kill(os.getpid(), signal.SIGINT)

    Fit.tell = tell_and_interrupt


if __name__ == "__main__":
    # Also where whoever started this ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, str(SCRIPTS))
    interrupt_after(int(sys.argv[1]))
    sys.argv = [str(SCRIPTS / "train.py"), *sys.argv[2:]]
    runpy.run_path(sys.argv[0], run_name="__main__")
