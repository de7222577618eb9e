"""What happens around a run: closed files, dead readers, other runs, clocks, and data and plugins that change."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time

from bench import Bench, Lost

Expected = dict[str, dict[str, str]]


def descriptors(bench: Bench, expected: Expected) -> str:
    """Some of standard input, output and error are closed, dead pipes, or full."""
    kinds = {number: bench.random.choice(["as it is", "closed", "dead", "full"]) for number in (0, 1, 2)}

    def prepare() -> None:
        for number, kind in kinds.items():
            if kind == "closed":
                os.close(number)
            elif kind == "dead":
                reading, writing = os.pipe()
                os.dup2(writing, number)
                os.close(reading)
                os.close(writing)
            elif kind == "full":
                full = os.open("/dev/full", os.O_RDWR)
                os.dup2(full, number)
                os.close(full)

    ended = bench.train(preexec_fn=prepare)
    # The summary is all that may be missing.
    if ended.status != 0 and not (ended.status == 1 and kinds[1] in ("dead", "full")):
        raise Lost(f"{kinds}: status {ended.status}: {ended.notes}")
    if (bench.run / ".lock").stat().st_size > 0:
        raise Lost(f"{kinds}: text in .lock")
    bench.finish(expected)
    return "same"


def clock(bench: Bench, expected: Expected) -> str:
    """The clocks step."""
    ended = bench.train(env=bench.environment("count:1", LOSSKIT_FAULT_CLOCK=str(bench.random.randrange(1 << 30))))
    bench.expect_same(expected, ended)
    return "same"


def two(bench: Bench, expected: Expected, seconds: float) -> str:
    """Two processes begin, or resume, one run. One of them makes it; the other says that it is in use, or done."""
    if bench.random.random() < 0.5:
        process = bench.start()
        time.sleep(bench.random.uniform(0.4, 1) * seconds)
        process.kill()
        bench.end(process)
    words = bench.words()
    first = bench.start(words)
    time.sleep(bench.random.choice([0, 0, bench.random.uniform(0, seconds)]))
    with (bench.place / "second").open("wb") as notes:
        second = subprocess.run(words, env=bench.environment(), stdout=notes, stderr=notes, stdin=subprocess.DEVNULL, check=False)
    ended = bench.end(first)
    texts = [(ended.status, ended.notes), (second.returncode, (bench.place / "second").read_text())]
    for status, text in texts:
        known = ("in use by another run", "holds an earlier run", "the run is finished", "before its first checkpoint")
        if status != 0 and not (status == 1 and any(word in text for word in known)):
            raise Lost(f"status {status}: {text}")
    bench.finish(expected)
    return "refused" if any(status for status, _ in texts) else "same"


def changed(bench: Bench, expected: Expected, seconds: float) -> str:
    """The data or the plugin of the loss change under a run, which is then killed. It is the same run, or refused until they are back."""
    data, plugins = bench.place / "data.jsonl", bench.place / "plugins"
    shutil.copy(bench.data, data)
    plugins.mkdir(mode=0o755)
    library = "libKTO.so" if bench.plan == "live" else "libDPO.so"
    shutil.copy(bench.losskit.parent / library, plugins / library)
    subject = bench.random.choice([data, plugins / library])
    before = subject.read_bytes()
    other = before + b"\0" if subject != data else before.replace(b"good", b"fine", 1)

    def replace(content: bytes) -> None:
        (bench.place / "new").write_bytes(content)
        os.replace(bench.place / "new", subject)

    def words() -> list[str]:
        return bench.words("--plugin-path", str(plugins), data=data)

    process = bench.start(words())
    time.sleep(bench.random.uniform(0, 1.2) * seconds)
    replace(other)
    if bench.random.random() < 0.5:
        process.kill()
    bench.end(process)
    ended, outcome = bench.train(words()), "same"
    if "has changed since the run was begun" in ended.notes or "holds other examples" in ended.notes:
        replace(before)
        ended, outcome = bench.train(words()), "refused"
    if "stopped before its first checkpoint" in ended.notes:
        shutil.rmtree(bench.run)
        ended = bench.train(words())
    if subject == data and ended.status == 0 and bench.result() != expected[bench.plan]:
        # A run that began after the change is one with the other data.
        found = bench.result()
        replace(other)
        bench.run = bench.place / "again"
        again = bench.train(words())
        if found != bench.result():
            raise Lost(f"{subject.name} changed: the result of neither; {ended.notes}{again.notes}")
        return outcome
    bench.expect_same(expected, ended)
    return outcome


def data(path: pathlib.Path) -> None:
    """Writes a small data set of pairs."""
    rows = [f'{{"prompt": "Is film {number} good?", "chosen": "It is {"very " * (number % 4)}good.", "rejected": "No."}}\n' for number in range(12)]
    path.write_text("".join(rows))

