"""Waiting for a condition, with a deadline."""
import time


def until(what, condition, seconds=60, pause=0.02):
    """Returns the first true value of `condition()`; an AssertionError that names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {value!r}")
        time.sleep(pause)


def stays(what, condition, seconds):
    """Fails as soon as `condition()` is false within `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds} s: {what}"
        time.sleep(0.05)
