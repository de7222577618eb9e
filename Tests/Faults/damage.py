"""Files of a run that are damaged at random, and the disk that fails under it."""

from __future__ import annotations

import pathlib
import resource
import shutil

from bench import Bench, Ended, Lost

Expected = dict[str, dict[str, str]]


def spoil(bench: Bench, path: pathlib.Path) -> str:
    """Damages a file in one of several ways; returns what was done. The content always changes."""
    content = path.read_bytes()
    place = bench.random.randrange(len(content))
    way = bench.random.choice(["flip", "flip", "flip", "cut", "extend", "zero", "exchange", "remove", "empty"])
    if way == "flip":
        bit = 1 << bench.random.randrange(8)
        changed = content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
    elif way == "cut":
        changed = content[:place]
    elif way == "extend":
        changed = content + bench.random.randbytes(1 + place % 16)
    elif way == "zero":
        changed = content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :]
    elif way == "exchange":
        other = bench.random.randrange(len(content))
        bytes_ = bytearray(content)
        bytes_[place], bytes_[other] = bytes_[other], bytes_[place]
        changed = bytes(bytes_)
    elif way == "empty":
        changed = b""
    else:
        path.unlink()
        return f"{path.name} removed"
    if changed == content:
        changed, way = content[:-1], "cut"
    path.write_bytes(changed)
    return f"{path.name}: {way} at {place} of {len(content)}"


def copy_finished(bench: Bench, finished: pathlib.Path, *, with_model: bool) -> None:
    """A copy of the plan's finished run, with or without its model."""
    shutil.copytree(finished / bench.plan / "run", bench.run)
    if not with_model:
        shutil.rmtree(bench.run / "model")


def checkpoint(bench: Bench, expected: Expected, finished: pathlib.Path) -> str:
    """Damages the newest checkpoint, an older one, or all. It is found, and the run ends with the same model or says that none is whole."""
    copy_finished(bench, finished, with_model=False)
    steps = bench.steps()
    targets = bench.random.choice([steps[-1:], steps[-1:], steps[-1:], steps[:1], steps])
    done = []
    for step in targets:
        place = bench.run / f"checkpoint-{step}"
        if bench.random.random() < 0.1:
            shutil.rmtree(place)
            place.write_text("note")
            done.append(f"{place.name}: a file")
        else:
            done.append(f"{place.name}/" + spoil(bench, bench.random.choice(sorted(path for path in place.rglob("*") if path.is_file()))))
    verified = bench.verify()
    for step in steps:
        is_found = any(line.startswith(f"checkpoint-{step} ") and "damaged" in line for line in verified.output.splitlines())
        if verified.status != 65 or is_found != (step in targets):
            raise Lost(f"{done}: verify ends with {verified.status}: {verified.output}{verified.notes}")
    ended = bench.train()
    if targets == steps:
        bench.expect_refusal(ended, "no checkpoint can be used", *(f"checkpoint-{step}: " for step in steps))
        return "refused"
    if steps[-1] in targets and f"checkpoint-{steps[-1]}: cannot be used: " not in ended.notes:
        raise Lost(f"{done}: silent: {ended.notes}")
    bench.expect_same(expected, ended)
    return "same"


def other(bench: Bench, expected: Expected, finished: pathlib.Path) -> str:
    """Damages another file of a run. The run ends with the same model, or says what is wrong."""
    copy_finished(bench, finished, with_model=bench.random.random() < 0.3)
    files = sorted(path for path in bench.run.rglob("*") if path.is_file() and path.stat().st_size > 0)
    file = bench.random.choice([path for path in files if not path.relative_to(bench.run).parts[0].startswith("checkpoint-")])
    done = spoil(bench, file)
    verified = bench.verify()
    is_below = len(file.relative_to(bench.run).parts) > 1
    if is_below and verified.status != 65:
        raise Lost(f"{done}: verify ends with {verified.status}: {verified.output}{verified.notes}")
    if not (bench.run / "run.json").exists():
        bench.expect_refusal(bench.train(), "is not empty")
        return "refused"
    ended = bench.train()
    if ended.is_refused:
        bench.expect_refusal(ended, str(bench.run))
        return "refused"
    model = {name: value for name, value in expected[bench.plan].items() if name.startswith("model/")}
    if ended.status != 0 or bench.model() != model:
        raise Lost(f"{done}: status {ended.status}: another result; {ended.notes}")
    return "same"


def disk(bench: Bench, expected: Expected, calls: dict[str, int]) -> str:
    """The disk fails at a random call. The run ends with the same model or says what is wrong, and goes on when the disk is well."""
    kind = bench.random.choice(["eio", "enospc", "erofs", "short", "eintr"])
    return _failing(bench, expected, bench.train(fault=f"{kind}:{bench.random.randint(1, calls[bench.plan])}"), kind)


def limit(bench: Bench, expected: Expected) -> str:
    """The same with a limit on the size of files."""
    most = bench.random.randrange(1, 16000)
    ended = bench.train(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    return _failing(bench, expected, ended, f"a limit of {most} bytes")


def _failing(bench: Bench, expected: Expected, ended: Ended, fault: str) -> str:
    refused = ended.status != 0
    # A limit cuts the notes, too, which are a file here.
    if refused and not (fault.startswith("a limit") and ended.status == 1):
        bench.expect_refusal(ended, str(bench.run))
    if not refused:
        bench.expect_same(expected, ended)
    bench.finish(expected)
    return "refused" if refused else "same"
