"""Mutated command lines and files for `skembed`: each is done, or is one error that says why.

``python tests/cli/fuzz_commands.py 20000`` draws command lines of all commands but demo, changes
their arguments, their data or their models, and runs them in processes of a thousand each, which
stand in for one another where one crashes. It ends with an error if a case ends with another exit
code than those of docs/command-line.md, with a traceback, without a word about what is wrong, or by
a signal; if it takes longer than twenty seconds or a gigabyte; leaves something behind, or changes
what it was given; or runs code, connects or writes elsewhere.

``python tests/cli/fuzz_commands.py 20000 7`` draws others, and ``--case 123`` shows what the case
123 is, and what becomes of it.
"""

import faulthandler
import hashlib
import io
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # where pytest, which imports this too, has it not
from mutated_lines import COMMANDS, ENCODERS, FILES, MODELS, mutate, put_together, whole_line
from mutated_rows import ENCODINGS, data_of, folder_of, mutated_bytes, pick, read, rows, written

HERE = Path(__file__).resolve()
SECONDS = 20
ROOM = 3 * 2**30  # of addresses, beyond those of a process that has loaded all
GROWTH = 2**30  # of memory, in a case
A_PROCESS = 1000  # cases
NOBODY = 65534
# Of https://docs.python.org/3/library/audit_events.html
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "socket.")
FORBIDDEN += ("pickle.", "webbrowser.")
WRITING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "shutil.")

watched = None  # the folder of the case that runs
trusting = False  # whether its model may run code


# What must not happen


def audit(event, given):
    """End the process where a command does what no data and no argument can ask for."""
    if watched is None:
        return
    wrong = event.startswith(FORBIDDEN) and not (event == "pickle.find_class" and trusting)
    if event == "open" and given[2] & (os.O_WRONLY | os.O_RDWR):
        wrong = not is_own(given[0])
    elif event.startswith(WRITING):
        wrong = not all(map(is_own, given[:2]))
    elif event == "exec":
        wrong = given[0].co_filename.startswith("<string") and not importing()
    if wrong:
        os.write(2, f"audit: {event} {given!r}\n".encode(errors="backslashreplace"))
        os._exit(3)  # an exception could be caught by what is looked at


def is_own(path):
    """Whether something is no path, or one in the folder of the case."""
    if not isinstance(path, (str, bytes)):
        return True
    whole = os.path.abspath(os.fsdecode(path))
    return whole.startswith(watched) or whole == os.devnull or "__pycache__" in whole


def importing():
    """Whether a module is being imported, which may make types of texts."""
    frame = sys._getframe()
    while frame is not None:
        if "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


# Cases


def draw(rng):
    """A command line, and the files in the folder where it runs.

    Returns
    -------
    list of str
    list of str
        Names of columns.
    """
    change = pick(["data", "data", "arguments", "arguments", "both", "model", "none"], rng)
    command = str(rng.choice([*COMMANDS], p=np.array([*COMMANDS.values()]) / 100))
    usual = MODELS if command == "score" else ENCODERS
    model = pick([*ENCODERS, *MODELS] if rng.random() < 0.1 else usual, rng)
    for name in [*ENCODERS, *MODELS]:
        shutil.copy(Path("..", "..", "models", name), name)
    data, columns = draw_data(change in ("data", "both"), model.startswith("bags"), rng)
    if change == "model" and not model.endswith("joblib"):  # which may do anything
        with_footer = "parquet" if model.endswith("skops") else "csv"
        Path(model).write_bytes(mutated_bytes(Path(model).read_bytes(), with_footer, rng))
    lay_traps()
    words, options = whole_line(command, model, data, rng)
    if change in ("arguments", "both"):
        for _ in range(1 + rng.poisson(0.7)):
            command = mutate(command, words, options, rng)
    return put_together(command, words, options, rng), columns


def draw_data(mutated, with_lists, rng):
    """Write a file or a folder of rows."""
    if rng.random() < 0.1:
        return "data", folder_of("data", mutated, with_lists, rng)
    kind = pick(["parquet", "parquet", "arrow", *([] if with_lists else ["csv"] * 3)], rng)
    data, columns = data_of(kind, mutated, with_lists, rng)
    Path(f"data.{kind}").write_bytes(data)
    return f"data.{kind}", columns


def lay_traps():
    """Folders, links, pipes and files that cannot be read, where files are expected."""
    for suffix in ("", ".csv", ".parquet", ".skembed"):
        os.mkdir(f"folder{suffix}")
    Path("old.csv").write_text("the old one")
    for suffix in (".csv", ".parquet", ".arrow", ".skembed", ".skops"):
        os.mkfifo(f"fifo{suffix}")
        Path(f"locked{suffix}").write_text("city,kind\n")
        os.chmod(f"locked{suffix}", 0)
    os.mkdir("locked")
    os.chmod("locked", 0o500)
    os.symlink("loop", "loop")
    os.symlink("loop.csv", "loop.csv")
    os.symlink("nowhere", "broken.csv")
    os.symlink("old.csv", "link.csv")
    os.symlink("encoder.skembed", "link.skembed")
    os.mkdir("tmp")


# Running them


def snapshot():
    """What lies in the folder: kind, and contents of files."""
    found = {}
    for folder, folders, files in os.walk("."):
        for name in [*folders, *files]:
            path = os.path.normpath(os.path.join(folder, name))
            status = os.lstat(path)
            content = None
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o400:
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            found[path] = (stat.S_IFMT(status.st_mode), content)
    return found


def run(arguments):
    """Exit code, output and errors of a command line."""
    from skembed.__main__ import main

    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    told = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    signal.alarm(SECONDS)
    try:
        with redirect_stdout(out), redirect_stderr(told), warnings.catch_warnings():
            warnings.simplefilter("always")
            code = main(arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:  # what a process would end with
        code = "traceback"
        told.write(traceback.format_exc())
    finally:
        signal.alarm(0)
    return 0 if code is None else code, *(of.buffer.getvalue().decode() for of in (out, told))


def fault(arguments, columns, before, after, code, out, told):
    """What is wrong with how a case ended; None if nothing is."""
    if code not in (0, 1, 2, 3):
        return f"exit code {code}"
    if "Traceback" in told:
        return "a traceback"
    lines = told.splitlines()
    harmless = "skembed: warning: ", "skembed: note: "
    errors = [line for line in lines if not line.startswith(harmless)]
    if code in (0, 3) and errors:
        return "words on standard error"
    if code == 1 and (len(errors) != 1 or not errors[0].startswith("skembed: ")):
        return "no line that says what is wrong"
    if code == 1 and not names_something(errors[0], arguments, columns):
        return "an error that names nothing"
    printed = [*errors, *out.split("\n")]
    if not all(map(str.isprintable, printed)):
        return "control characters"
    if code == 2 and "Error: " not in told and "Usage: " not in told:
        return "no word about the usage"
    return unwanted(arguments, before, after, code, told) or lost(arguments, code, out)


def names_something(error, arguments, columns):
    """Whether an error names a file, an option or a part of its value, or a column."""
    words = [part for word in arguments[1:] for part in (word, *re.split("[=,]", word))]
    words += [part for path in words for part in os.path.split(os.path.normpath(path)) if part]
    shown = [repr(word)[1:-1] + "'" * (len(word) < 4) for word in words]
    return any(word in error for word in [*shown, *map(repr, columns)])


def values_of(arguments):
    """Values of options by their names, of each the last."""
    values = {"--out": "report.html"} if arguments[0] == "explore" else {}
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        values[name] = value if equals else following
    return values


def lost(arguments, code, out):
    """Whether rows were read, and are neither in the output nor set aside."""
    if code not in (0, 3) or arguments[0] not in ("transform", "score"):
        return None
    values = values_of(arguments)
    try:
        there = len(read(values["--out"]))
        aside = read(values["--quarantine"]) if values.get("--quarantine") else None
    except Exception as error:  # whatever it may be, others could not read it either
        return f"an output cannot be read: {error}"
    if aside is not None:
        text = [name for name in ("_text", "text") if name in aside.column_names]
        there += aside[text[0]].null_count if text else len(aside)  # others are no rows
    n_rows = int(re.search(r": ([\d,]+) rows in ", out)[1].replace(",", ""))
    return None if there == n_rows else f"{n_rows} rows were read, and {there} are there"


def unwanted(arguments, before, after, code, told):
    """What a case has left or changed that it should not."""
    values = values_of(arguments)
    outputs = [os.path.normpath(values[name]) for name in FILES if values.get(name)]
    outputs += [os.path.relpath(os.path.realpath(out)) for out in outputs if os.path.exists(out)]
    given = {os.path.normpath(word) for word in arguments} - {*outputs}
    for path in {*before} | {*after}:
        if before.get(path) == after.get(path):
            continue
        if path in given or (path in before and path not in after):
            return f"{path} was changed"
        own = any(path == out or path.startswith(f"{out}{os.sep}") for out in outputs)
        if path in before and before[path][0] not in (after[path][0], stat.S_IFLNK):
            return f"{path} was replaced by a file of another kind"
        hidden = r"(.*/)?\.[^/]*\.[0-9a-f]{12}\.partial"
        part = re.fullmatch(rf"{hidden}(/part-\d+\.?[^/]*|/\.job)?", path)
        tells_why = code == 1 and "tells why" in told and path == values.get("--quarantine")
        if not ((own and code in (0, 3)) or (part and code == 1) or tells_why):
            return f"{path} was left"
    return None


def one(case, seed):
    """Run a case; returns what became of it."""
    global watched, trusting
    rng = np.random.default_rng([seed, case])
    arguments, columns = draw(rng)
    before, grown = snapshot(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tempfile.tempdir = os.path.abspath("tmp")
    trusting = "--trust-code" in arguments
    watched = os.getcwd()
    began = time.perf_counter()
    code, out, told = run(arguments)
    seconds, watched = time.perf_counter() - began, None
    wrong = fault(arguments, columns, before, snapshot(), code, out, told)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown) * 1024
    if wrong is None and grown > GROWTH:
        wrong = f"grown by {grown:,} bytes"
    ran = {"case": case, "command": arguments[0], "code": code, "seconds": round(seconds, 1)}
    return ran | {"fault": wrong, "arguments": arguments, "out": out[-2000:], "told": told[-4000:]}


def prepare():
    """Save encoders and models, in ./models; by the way, all is imported."""
    import joblib
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

    X = rows(60, np.random.default_rng(0)).to_pandas()
    sold, rent = X["sold"], X["rent"]
    quick = {"max_epochs": 1, "cv": 2, "random_state": 0}
    models = Path("models")
    models.mkdir()
    features = X[["city", "kind", "rooms", "area", "new"]]
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "kind")], **quick)
    encoder.fit(features, rent).save(models / "encoder.skembed")
    strict = {"handle_unknown": "error", "handle_missing": "error", "crosses": None}
    strict = NeuralEmbeddingEncoder(categorical_features=["city", "rooms"], **strict, **quick)
    strict.fit(X[["city", "rooms", "area"]], sold).save(models / "strict.skembed")
    bags = NeuralEmbeddingEncoder(crosses=None, **quick).fit(X[["city", "tags"]], rent)
    bags.save(models / "bags.skembed")
    pipeline = make_pipeline(NeuralEmbeddingEncoder(**quick), LogisticRegression())
    skops.io.dump(pipeline.fit(X[["city", "rooms"]], sold), models / "pipeline.skops")
    other = make_column_transformer((OneHotEncoder(), ["city"]), ("passthrough", ["rooms"]))
    other = make_pipeline(other, LogisticRegression()).fit(X[["city", "rooms"]], sold)
    skops.io.dump(other, models / "other.skops")
    net = NeuralEmbeddingRegressor(**quick).fit(X[["city", "kind", "area"]], rent)
    joblib.dump(net, models / "net.joblib")


def import_all():
    """Run each command, since a later import could not be told from what data make it do."""
    Path("rows.csv").write_bytes(written(rows(200, np.random.default_rng(0)), "csv", None))
    quick = ["--exclude", "id", "--target", "sold", "--dtype", "rooms=int64"]
    fit = [*quick, "--set", "max_epochs=1", "--out", "e.skembed", "--features", "f.parquet"]
    lines = [["fit", "rows.csv", *fit], ["benchmark", "rows.csv", *quick, "--seeds", "2"]]
    lines += [["explore", "e.skembed"], ["inspect", "e.skembed"]]
    lines += [["nearest", "models/encoder.skembed", "city", "Oslo"]]
    for model in MODELS:
        out = ["--out", "s.csv", "--trust-code", "--quarantine", "q.arrow"]
        lines.append(["score", f"models/{model}", "f.parquet", *out])
        lines.append(["score", f"models/{model}", "rows.csv", *out])
    for encoding in ENCODINGS:
        "".encode(encoding)
    for line in lines:
        code, _, told = run(line)
        if code != (1 if "f.parquet" in line and line[0] == "score" else 0):
            raise AssertionError(f"{line}: {told}")


def cases(start, stop, seed):
    """Run cases in this process, and print what became of each."""
    warnings.simplefilter("ignore")
    prepare()
    import_all()
    os.mkdir("case")
    if not os.geteuid():  # root may do too much
        os.chmod("case", 0o777)
        os.seteuid(NOBODY)
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (limit + ROOM, resource.RLIM_INFINITY))
    faulthandler.enable()  # which tells where a crash is, and a case that takes too long
    faulthandler.register(signal.SIGALRM, chain=True)
    sys.addaudithook(audit)
    home = os.getcwd()
    for case in range(start, stop):
        os.mkdir(f"case/{case}")
        os.chdir(f"case/{case}")
        print(json.dumps(one(case, seed)), flush=True)
        os.chdir(home)
        os.chmod(f"case/{case}/locked", 0o700)
        shutil.rmtree(f"case/{case}")


def in_processes(numbers, seed, folder):
    """Run cases in processes, of which each goes on behind the one in which another crashed."""
    done = numbers.start
    while done < numbers.stop:
        stop = min(numbers.stop, done + A_PROCESS)
        place = tempfile.mkdtemp(dir=folder)
        os.chmod(place, 0o755)
        command = [sys.executable, str(HERE), "--from", str(done), str(stop), str(seed)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        with (
            open(f"{place}/errors", "w+") as errors,
            subprocess.Popen(
                command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=errors
            ) as child,
        ):
            for line in child.stdout:
                done += 1
                yield json.loads(line)
            ended = child.wait()
            errors.seek(0)
            told = errors.read()[-4000:]
        if ended == 1:  # this file failed, not a case
            raise RuntimeError(told)
        if ended:
            yield {"case": done, "command": "?", "code": ended, "fault": "crash", "told": told}
            done += 1
        shutil.rmtree(place, ignore_errors=True)


def main(numbers, seed):
    """Run cases, and print what became of them; of a single one, all of it."""
    found, faults = Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for ran in in_processes(numbers, seed, folder):
            found[f"{ran['command']} {ran['code']}"] += 1
            if ran["fault"] or len(numbers) == 1:
                print(json.dumps(ran), flush=True)
            faults += [ran] if ran["fault"] else []
    print(json.dumps(dict(sorted(found.items()))))
    if faults:
        raise AssertionError(f"{len(faults)} of {len(numbers)} cases did not end as they should")


if __name__ == "__main__":
    first, *more = sys.argv[1:]
    if first == "--from":
        cases(*map(int, more))
    elif first == "--case":
        main(range(int(more[0]), int(more[0]) + 1), int(more[1]) if len(more) > 1 else 0)
    else:
        main(range(int(first)), int(more[0]) if more else 0)
