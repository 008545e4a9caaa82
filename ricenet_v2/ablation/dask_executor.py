"""The workers of a Dask cluster as an executor.

`Client.get_executor()` of Dask is not enough: its `shutdown` takes no `cancel_futures`, it sends
all tasks at once, lets a task that kills its worker kill three more, and waits for ever where there
are no workers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from ricenet_v2.core.errors import WorkerError
from ricenet_v2.core.worker import Call, LostError

logger = logging.getLogger(__name__)

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_BETWEEN_COUNTS = 2.0


class DaskExecutor(Executor):
    """Sends tasks to the workers of a client, no more at a time than they have threads.

    A worker that dies costs the tasks that it had, whose futures then have a `LostError`; the rest
    goes on. Tasks are never tried again by the scheduler itself: whoever submits them decides.
    """

    def __init__(
        self,
        client: Any,
        *,
        seconds_without_workers: float = 300.0,
        in_flight: int | None = None,
        resources: dict[str, float] | None = None,
    ) -> None:
        """Take over a client; it is closed by `shutdown`.

        Args:
            client: `dask.distributed.Client`, of this executor alone.
            seconds_without_workers: Seconds without workers after which all tasks that are left
                fail.
            in_flight: Most tasks that the scheduler has at a time; None is one for each thread of
                the workers that are there.
            resources: Resources that a task needs, as for `Client.submit`, e.g. `{"GPU": 1}`.
        """
        self._client, self._resources = client, resources
        self._patience, self._most = seconds_without_workers, in_flight
        self._waiting = deque[Call]()
        self._running: dict[Any, Call] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self._fault: WorkerError | None = None
        self._n_threads, self._counted = 0, float("-inf")
        self._last_seen = time.monotonic()
        self._allowed_before = _allowed_failures(client, 0)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(
        self, fn: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Returned]:
        """Have the function called by the next worker that is free."""
        future = Future[Returned]()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("This executor was shut down.")
            if self._fault is not None:  # what fails all others may have ended the thread
                future.set_exception(self._fault)
            else:
                self._waiting.append(Call(future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the client once all is done; `wait` waits for that."""
        with self._lock:
            self._is_closed = True
            for call in self._waiting if cancel_futures else ():
                call.future.cancel()
        if wait:
            self._thread.join()

    def _serve(self) -> None:
        """Serve until the executor is closed and nothing is left to do."""
        try:
            while not self._is_done():
                self._count()
                self._take()
                self._send()
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        except BaseException as error:  # noqa: BLE001 - those who wait hear of it
            self._give_up(
                WorkerError("The Dask cluster failed.", got=f"{type(error).__name__}: {error}")
            )
        finally:
            self._close()

    def _is_done(self) -> bool:
        with self._lock:
            return self._is_closed and not self._waiting and not self._running

    def _count(self) -> None:
        """Look from time to time how many threads the workers have."""
        now = time.monotonic()
        if now - self._counted < _SECONDS_BETWEEN_COUNTS:
            return
        self._n_threads, self._counted = _threads_of(self._client), now
        if self._n_threads or not (self._waiting or self._running):
            self._last_seen = now
        elif now - self._last_seen > self._patience:
            self._give_up(
                WorkerError(
                    f"The Dask cluster has had no workers for {self._patience:g} s.",
                    expected="at least one worker that is connected to the scheduler",
                    got=f"none at {_address_of(self._client)}",
                    remedy="Start workers (dask worker SCHEDULER --nthreads 1), look into their "
                    "logs, and run the same command again: what is finished is kept.",
                )
            )

    def _give_up(self, fault: WorkerError) -> None:
        with self._lock:
            self._fault = fault
            running, waiting = list(self._running.values()), list(self._waiting)
            self._running.clear()
            self._waiting.clear()
        started = [call for call in waiting if call.future.set_running_or_notify_cancel()]
        for call in [*running, *started]:
            call.future.set_exception(fault)

    def _take(self) -> None:
        """Hand on what has ended."""
        for sent in [future for future in self._running if future.status != "pending"]:
            call = self._running.pop(sent)
            try:
                call.future.set_result(_result_of(sent))
            except BaseException as error:  # noqa: BLE001 - the future carries it
                call.future.set_exception(error)

    def _send(self) -> None:
        """Send as many as there is room for."""
        room = (self._most or self._n_threads) - len(self._running)
        while room > 0 and (call := self._next()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            room -= 1
            try:
                sent = self._client.submit(
                    call.function,
                    *call.args,
                    **call.kwargs,
                    pure=False,
                    retries=0,
                    resources=self._resources,
                )
            except Exception as error:  # noqa: BLE001 - the future carries it
                call.future.set_exception(error)
            else:
                self._running[sent] = call

    def _next(self) -> Call | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _close(self) -> None:
        if self._allowed_before is not None:
            _allowed_failures(self._client, self._allowed_before)
        try:
            self._client.close()
        except Exception as error:  # noqa: BLE001 - a cluster that is gone need not be closed
            logger.debug("The client could not be closed: %s", error)


def _result_of(sent: Any) -> Any:
    """Result of the task, or raises what it raised.

    Raises:
        LostError: Its worker died, or the scheduler forgot it.
    """
    from distributed import KilledWorker

    if sent.status not in {"finished", "error"}:
        raise LostError(f"Dask calls it {sent.status}")
    try:
        return sent.result()
    except KilledWorker as error:
        raise LostError(f"its worker {error.last_worker.address} died") from error


def _threads_of(client: Any) -> int:
    """Threads of all connected workers; 0 where the scheduler does not answer."""
    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError) as error:
        logger.debug("The scheduler does not answer: %s", error)
        return 0


def _address_of(client: Any) -> str:
    scheduler = getattr(client, "scheduler", None)
    return str(getattr(scheduler, "address", "an unknown address"))


def _allowed_failures(client: Any, number: int) -> int | None:
    """Set how many workers a task may kill before it fails, less one; what it was before.

    A scheduler has one such number for all clients, and none for a task.
    """

    def change(dask_scheduler: Any) -> int:
        before: int = dask_scheduler.allowed_failures
        dask_scheduler.allowed_failures = number
        return before

    try:
        before: int = client.run_on_scheduler(change)
    except Exception as error:  # noqa: BLE001 - a scheduler may refuse functions of its clients
        logger.warning(
            "The scheduler did not take `allowed-failures: %d` (%s). Set "
            "`distributed.scheduler.allowed-failures: 0` in its configuration, or a training that "
            "kills its worker may kill others.",
            number,
            error,
        )
        return None
    return before
