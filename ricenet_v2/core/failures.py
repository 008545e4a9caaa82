"""Failures of single cases: whatever goes wrong becomes a message, and the other cases go on."""

from __future__ import annotations

import logging

from ricenet_v2.core.errors import RicenetError


def reason_of(error: BaseException) -> str:
    """Why something failed, in one text: that of an error of ours, else with the error's name."""
    if isinstance(error, RicenetError):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def logged(logger: logging.Logger, what: str, error: BaseException) -> str:
    """Log that something failed and why; the traceback is for those who debug.

    Args:
        logger: Logger of the module.
        what: E.g. `p3 could not be predicted`.
        error: The reason.

    Returns:
        The reason in words.
    """
    reason = reason_of(error)
    logger.error("%s: %s", what, reason)
    logger.debug("%s:", what, exc_info=error)
    return reason


def logged_in_short(logger: logging.Logger, what: str, error: BaseException) -> str:
    """Log the first line, where the command shows the whole reason at its end; see `logged`."""
    reason = reason_of(error)
    logger.error("%s: %s", what, reason.partition("\n")[0])
    logger.debug("%s:", what, exc_info=error)
    return reason
