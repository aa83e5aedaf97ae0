"""The service does not outlive the demo: a demo that was killed leaves nothing running."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """From now on this process is told to end (SIGTERM) once its parent, process id `parent`, is
    gone. Linux alone offers it (prctl(2)); elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # it was gone before it was watched
        os.kill(os.getpid(), signal.SIGTERM)
