"""One thread for products of matrices, also where several fits run at once."""

import os
import threading
from contextlib import contextmanager

import threadpoolctl

_LOCK = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )


@contextmanager
def one_blas_thread():
    """Limit BLAS to one thread, since bits must not depend on the number of threads.

    The limit is one of the whole process. A fit that set it while another had would take the limit
    for the user's number, and leave it behind. So fits are inside one after the other.
    """
    with _LOCK:
        _give_up_control()
        try:
            with threadpoolctl.threadpool_limits(1, user_api="blas"):
                yield
        finally:
            _give_up_control()


def _give_up_control():
    """Let the next thread that asks for a limit get it.

    From version 3.8 on, threadpoolctl ignores, for OpenBLAS, all threads but the first that asked
    for a limit, for as long as that thread lives.
    """
    controller = getattr(threadpoolctl, "OpenBLASController", None)
    clear = getattr(controller, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)
