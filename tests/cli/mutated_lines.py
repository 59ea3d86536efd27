"""Command lines as they should not be, for tests/cli/fuzz_commands.py."""

import sys
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where pytest, which imports this too, has it not
from mutated_rows import pick

PATHS = ["absent.csv", "absent.parquet", "absent", "absent/out.csv", "folder", "folder.csv"]
PATHS += ["folder.parquet", "folder.skembed", "folder/new.csv", "locked.csv", "locked.parquet"]
PATHS += ["locked.skembed", "locked.skops", "locked/out.csv", "locked/out.parquet", "fifo.csv"]
PATHS += ["fifo.parquet", "fifo.arrow", "fifo.skembed", "fifo.skops", "loop.csv", "loop", "old.csv"]
PATHS += ["broken.csv", "link.csv", "link.skembed", "data.csv", "data.parquet", "data.arrow", "."]
PATHS += ["encoder.skembed", "bags.skembed", "pipeline.skops", "net.joblib", "data.csv/x.csv", ".."]
PATHS += ["", " ", "-", "--", "/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "a" * 300]
PATHS += ["a" * 251 + ".csv", "b" * 235 + ".csv", "\udcff.csv", "größe.csv", "new\nline.csv"]
PATHS += ["*.csv", "[a].csv", "a**b.csv", "\x1b[31m.csv", "~/x.csv", "x.CSV", "x.xls", ".csv"]
PATHS += ["..csv", "x.", "s3://no/x.parquet", "file:///x.csv", "http://localhost/x.csv"]
PATHS += ["new/../out.csv", "%s.csv"]
WORDS = ["", " ", ",", ",,", "=", "a=b", "=b", "city", "city,city", "rooms", "id", "Nope", "None"]
WORDS += ["x" * 5000, "\udcff", "größe", "\x1b[31m", "new\nline", "--out", "-1", "0", "1", "1.5"]
WORDS += ["2147483648", "9999999999", "9" * 30, "-" + "9" * 30, "9" * 5000, "nan", "inf", "true"]
WORDS += ["1e3", "0x10", "[]", "()", "{}", "(" * 300, "-" * 9000 + "1", "[" * 5000, "'\\ud800'"]
WORDS += ["'\\x00'", "b'x'", "{1: 2}", "..."]
TYPES = ["string", "int64", "int8", "float64", "half", "bool", "date32", "timestamp[us]", "binary"]
TYPES += ["null", "large_string", "uint64", "list", "struct", "decimal128", "sting", ""]
TYPES += ["month_interval", "time64[ns]", "duration[s]", "float16", "STRING", "string_view"]
TYPES += ["x" * 300, "\udcff"]

COMMANDS = {"fit": 15, "transform": 35, "score": 25, "inspect": 7, "nearest": 8, "explore": 7}
COMMANDS |= {"benchmark": 3}
ENCODERS = ["encoder.skembed", "strict.skembed", "bags.skembed"]
MODELS = ["pipeline.skops", "other.skops", "net.joblib"]
OPTIONS = ["--target", "--out", "--features", "--sample-weight", "--exclude", "--set", "--dtype"]
OPTIONS += ["--seed", "--keep", "--resume", "--quarantine", "--part-rows", "--no-progress"]
OPTIONS += ["--rows", "--trust", "--trust-code", "--method", "-k", "--json", "--seeds", "--version"]
OPTIONS += ["--nope"]
FLAGS = ("--resume", "--no-progress", "--trust-code", "--json", "--version")
FILES = ("--out", "--features", "--quarantine")
PARAMETERS = ["cv", "embedding_dim", "crosses", "hidden_layer_sizes", "min_frequency"]
PARAMETERS += ["random_state", "categorical_features", "batch_size", "learning_rate", "target_type"]
PARAMETERS += ["dropout", "handle_unknown", "max_categories", "n_jobs", "device", "remainder"]
PARAMETERS += ["pretrained", "loss", "callbacks", "verbose", "use_context", "weight_decay"]
PARAMETERS += ["interaction", "nope"]


def whole_line(command, model, data, rng):
    """Words and options that are right: of each option its name and value."""
    options = {
        "fit": [
            *(["--target", pick(["rent", "sold"], rng)], ["--out", "out.skembed"]),
            *(["--exclude", "id"], ["--set", "max_epochs=1"], ["--set", "cv=2"]),
            ["--set", pick(["crosses=None", "crosses=[('city', 'kind')]"], rng)],
        ],
        "benchmark": [["--target", "sold"], ["--exclude", "id"], ["--seeds", "2"]],
        "nearest": [["-k", "2"]],
    }.get(command, [])
    if command in ("transform", "score"):
        suffix = pick([".csv", ".parquet", ".arrow", ""], rng)
        options = [["--out", f"out{suffix}"], ["--trust-code", None]]
    for option in some_of(command, rng):
        if rng.random() < 0.35:
            options.append(option)
    words = {"fit": [data], "benchmark": [data], "nearest": [model, "city", "Oslo"]}
    return words.get(command, [model, data][: 1 + (command in ("transform", "score"))]), options


def some_of(command, rng):
    """Options that a command may have."""
    if command in ("transform", "score"):
        quarantine = pick(["bad.csv", "bad.parquet", "bad.arrow"], rng)
        methods = ["predict", "predict", "predict_proba", "decision_function"]
        return [
            *(["--keep", pick(["id", "id,rent", "sold"], rng)], ["--quarantine", quarantine]),
            *(["--quarantine", quarantine], ["--resume", None], ["--part-rows", "7"]),
            *(["--dtype", "rooms=string"], ["--no-progress", None]),
            *([["--method", pick(methods, rng)]] if command == "score" else []),
        ]
    return {
        "fit": [
            *(["--features", "features.parquet"], ["--sample-weight", "area"], ["--seed", "3"]),
            ["--dtype", "rooms=string"],
        ],
        "benchmark": [["--rows", "100"], ["--dtype", "rooms=string"]],
        "explore": [["--out", "page.html"]],
    }.get(command, [["--json", None]])


def mutate(command, words, options, rng):
    """Change one thing of a command line; returns the name of the command."""
    change = rng.integers(10)
    if change == 0:
        where = pick([words, options], rng)
        if where:
            where.pop(int(rng.integers(len(where))))
    elif change == 1 and options:
        name, value = pick(options, rng)
        options.append([name, value if rng.random() < 0.5 else hostile(name, rng)])
    elif change == 2 and len(options) > 1:
        one, other = pick(options, rng), pick(options, rng)
        one[1], other[1] = other[1], one[1]
    elif change == 3:
        name = pick(OPTIONS, rng)
        options.append([name, None if name in FLAGS else hostile(name, rng)])
    elif change == 4:
        words.insert(int(rng.integers(len(words) + 1)), pick([*PATHS, *WORDS], rng))
    elif change == 5 and words:
        files = [option for option in options if option[0] in FILES]
        if files:
            pick(files, rng)[1] = pick([*words, *(value for _, value in files)], rng)
    elif change == 6 and words:
        words[int(rng.integers(len(words)))] = pick(PATHS, rng)
    elif change == 7 and rng.random() < 0.2:
        return pick([*COMMANDS, "", "fitt", "--help", "--version", "\udcff"], rng)
    elif options:
        option = pick(options, rng)
        option[1] = hostile(option[0], rng)
    return command


def hostile(name, rng):
    """A value that an option should not have."""
    if name == "--seeds":  # many would take long, and rightly
        return pick(["", "x", "-1", "0", "1"], rng)
    if name in FILES:
        return pick(PATHS, rng)
    if name == "--set":
        return f"{pick(PARAMETERS, rng)}={pick(WORDS, rng)}"
    if name == "--dtype":
        column = pick(["city", "kind", "rooms", "area", "new", "rent", "sold", "id", "no"], rng)
        return f"{column}={pick(TYPES, rng)}"
    return pick([*WORDS, *PATHS], rng)


def put_together(command, words, options, rng):
    """Arguments, in an order that is drawn."""
    parts = [[name] if value is None else [name, value] for name, value in options]
    parts = [["=".join(p)] if len(p) == 2 and rng.random() < 0.1 else p for p in parts]
    parts = [parts[i] for i in rng.permutation(len(parts))]
    before = int(rng.integers(len(parts) + 1))
    flat = [*chain(*parts[:before]), *words, *chain(*parts[before:])]
    return [command, *(word for word in flat if "\0" not in word)]
