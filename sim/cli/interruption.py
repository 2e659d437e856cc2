"""Ctrl-C ends the program at once: politely where that is quick, by force where it is not.

What a run has finished is on disk whole, so that nothing is lost by force.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

GRACE_SECONDS = 1.2
"""Time from Ctrl-C until the program is ended by force."""

EXIT_CODE = 130


def end_promptly() -> None:
    """From now on, let Ctrl-C end this process within ``GRACE_SECONDS``, whatever it is doing.

    The usual ``KeyboardInterrupt`` waits for the main thread to come back from compiled code; the system's wake-up
    call does not.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    # what workers leave behind is cleaned up by processes that would say so after the last line of this one
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        with mouth:
            while signal.SIGINT not in ears.recv(16):
                pass
            time.sleep(GRACE_SECONDS)
            leave(message=True)

    threading.Thread(target=watch, daemon=True, name="interruption").start()


def leave(*, message: bool = False) -> None:
    """End this process and its workers now, without waiting for threads that compute."""
    if message:
        os.write(2, b"interrupted; a run keeps its finished blocks, and goes on with --resume\n")
    else:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for child in active_children():
            child.kill()
    os._exit(EXIT_CODE)
