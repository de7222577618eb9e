"""Runs that are killed at random moments, or at a random call that writes, until they end."""

from __future__ import annotations

import signal
import subprocess
import time

from bench import Bench, Lost

Expected = dict[str, dict[str, str]]


def kill(bench: Bench, expected: Expected, calls: dict[str, int], seconds: float) -> int:
    """Starts a run, kills it and goes on until it ends; returns the number of kills.

    After each kill every checkpoint on the disk is whole, and the newest is no older than before.
    """
    kills, newest = 0, 0
    while True:
        is_by_call = bench.random.random() < 0.6
        fault = f"{bench.random.choice(['kill', 'tear'])}:{bench.random.randint(1, calls[bench.plan])}" if is_by_call else ""
        process = bench.start(fault=fault)
        if not is_by_call:
            try:
                process.wait(timeout=bench.random.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        ended = bench.end(process)
        if ended.status == 0:
            bench.expect_same(expected, ended)
            return kills
        if ended.status != -signal.SIGKILL:
            bench.expect_refusal(ended, "stopped before its first checkpoint")
            bench.finish(expected)
            return kills
        kills += 1
        steps = bench.steps()
        if newest > 0 and (not steps or steps[-1] < newest):
            raise Lost(f"after kill {kills} ({fault or 'by time'}): checkpoint {newest} is gone, there is {steps}")
        newest = steps[-1] if steps else 0
        if (bench.run / "run.json").exists():
            verified = bench.verify()
            if verified.status != 0:
                raise Lost(f"after kill {kills} ({fault or 'by time'}): {verified.output}{verified.notes}")


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGPIPE, signal.SIGXFSZ]


def send(bench: Bench, expected: Expected, seconds: float) -> str:
    """Sends a signal at a random moment, or stops the run for a while; it goes on to the same model."""
    process = bench.start()
    time.sleep(bench.random.uniform(0, seconds))
    if bench.random.random() < 0.2:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        process.send_signal(signal.SIGCONT)
        bench.expect_same(expected, bench.end(process))
        return "same"
    sent = bench.random.choice(SIGNALS)
    process.send_signal(sent)
    ended = bench.end(process)
    if ended.status not in (0, -sent):
        raise Lost(f"{sent.name}: status {ended.status}: {ended.notes}")
    bench.finish(expected)
    return "same"
