"""Files of rows as they should not be, for tests/cli/fuzz_commands.py."""

import decimal
import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, feather
from pyarrow import parquet as pq

NAMES = ["id", "city", "kind", "rooms", "area", "new", "rent", "sold", "tags"]
HOSTILE_NAMES = ["", " ", "a,b", 'say "hi"', "new\nline", "\x1b[31mred\x07", "x" * 3000, "größe"]
HOSTILE_NAMES += ["row", "reason", "text", "prediction", "city_0", "city x kind", "year=2020", "."]
HOSTILE_NAMES += ["nul\x00nul", "{0}", "%s", "__index_level_0__", "part-00000", "None", "Rooms"]
HOSTILE_CELLS = ["", "NA", "0", "-1", "1e999", "nan", "inf", "-inf", "9" * 400, "1_000", "\uff10"]
HOSTILE_CELLS += ["two", "\x00", "\x1b[2J", "\u202e", "x" * 70_000, "a\nb", "a\rb", "a,b", '"', "'"]
HOSTILE_CELLS += ["true", "True", "2020-01-01", "None", "1.5", "0x10", "99999999999999999999", " 1"]
TEXTS = [b"", b"\n", b"\n\n\n", b",", b'"', b"city", b"city\n", b"\xef\xbb\xbf", b"\xff\xfe\x00"]
TEXTS += [b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 8 + b"PAR1", b"ARROW1\x00\x00"]
TEXTS += [b"ARROW1\x00\x00" * 9, b"PK\x03\x04", b"\x1f\x8b\x08", b"{}", b"\x00" * 4096, b"a,b\n1\n"]
TEXTS += [b"\x80\x04.", b"\xff"]
ENCODINGS = ["utf-16", "utf-16-le", "utf-7", "cp037"]


def pick(items, rng):
    """One of several; numpy's choice would cut a NUL at the end of a string."""
    return items[int(rng.integers(len(items)))]


def rows(n_rows, rng):
    """Table of rents by city and kind of flat, some missing."""
    city = rng.choice(["Oslo", "Rome", "Bern", "Kyiv"], n_rows)
    kind = rng.choice(["flat", "house", None], n_rows, p=[0.6, 0.3, 0.1])
    rooms, area = rng.integers(1, 6, n_rows), rng.normal(80, 20, n_rows).round(1)
    rent = 500.0 + 100 * rooms + 300 * (city == "Oslo") + rng.normal(0, 50, n_rows).round(2)
    columns = {
        "id": [f"flat {i}" for i in range(n_rows)],
        "city": city,
        "kind": kind,
        "rooms": rooms,
        "area": area,
        "new": rng.random(n_rows) < 0.5,
        "rent": rent,
        "sold": np.where(rent > 900, "yes", "no"),
        "tags": [["a", "b", "c"][: rng.integers(4)] for _ in range(n_rows)],
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def arrays(n, rng):
    """Columns of every type, each as a function that makes it."""
    whole = rng.integers(0, 100, n)
    seconds = pa.array(whole, pa.int64())
    words = pa.array([f"w{i % 3}" for i in range(n)])
    some = pa.array([pick(HOSTILE_CELLS, rng) for _ in range(n)], pa.string())
    wide = [decimal.Decimal(10**30 + int(i)) for i in whole]
    ends = np.unique([0, n // 2, n])
    return {
        "null": lambda: pa.nulls(n),
        "bool": lambda: pa.array(whole > 50),
        "int8": lambda: pa.array(whole, pa.int8()),
        "uint64": lambda: pa.array(whole.astype(np.uint64) + np.uint64(2**64 - 101)),
        "int64": lambda: pa.array(whole + np.iinfo(np.int64).min),
        "half": lambda: pa.array(whole.astype(np.float16)),
        "double": lambda: pa.array(rng.choice([np.nan, np.inf, -np.inf, 1e308, 5e-324, 0.0], n)),
        "decimal": lambda: pa.array(wide, pa.decimal128(38, 2)),
        "decimal256": lambda: pa.array(wide, pa.decimal256(60, 2)),
        "date32": lambda: seconds.cast(pa.int32()).cast(pa.date32()),
        "date64": lambda: seconds.cast(pa.int32()).cast(pa.date32()).cast(pa.date64()),
        "time": lambda: seconds.cast(pa.time64("us")),
        "timestamp": lambda: seconds.cast(pa.timestamp("ns")),
        "far": lambda: pa.array(whole + 2**62).cast(pa.timestamp("s")),
        "zoned": lambda: seconds.cast(pa.timestamp("us", tz="Europe/Oslo")),
        "no zone": lambda: seconds.cast(pa.timestamp("us", tz="No/Where")),
        "duration": lambda: seconds.cast(pa.duration("s")),
        "string": lambda: some,
        "large string": lambda: words.cast(pa.large_string()),
        "string view": lambda: words.cast(pa.string_view()),
        "binary": lambda: words.cast(pa.binary()),
        "bytes": lambda: pa.array([b"\xff\xfe"] * n, pa.binary()),
        "fixed": lambda: pa.array([b"ab"] * n, pa.binary(2)),
        "list": lambda: pa.array([[1, 2]] * n),
        "deep": lambda: pa.array([[[["a"], None], []]] * n),
        "struct": lambda: pa.array([{"a": 1, "b": None}] * n, pa.struct({"a": "i8", "b": "null"})),
        "map": lambda: pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "dictionary": lambda: words.dictionary_encode(),
        "codes": lambda: pa.DictionaryArray.from_arrays(
            pa.array(whole % 2, pa.int8()), pa.array([10**6, None])
        ),
        "twice": lambda: pa.DictionaryArray.from_arrays(
            pa.array(whole % 3, pa.int8()), pa.array(["a", "a", None])
        ),
        "runs": lambda: pa.RunEndEncodedArray.from_arrays(
            pa.array(ends[1:], pa.int32()), pa.array(["a", "b"][: len(ends) - 1])
        ),
        "uuid": lambda: pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([bytes(16)] * n, pa.binary(16))
        ),
        "union": lambda: pa.UnionArray.from_sparse(pa.array([0] * n, pa.int8()), [seconds, words]),
    }


def mutated_table(table, rng):
    """Table with some columns or rows as nobody expects them."""
    for _ in range(1 + rng.poisson(0.5)):
        at = int(rng.integers(max(table.num_columns, 1)))
        change = rng.integers(9)
        if not table.num_columns:
            break
        name, column = table.column_names[at], table.column(at)
        if change == 0:
            table = table.remove_column(at)
        elif change == 1:
            names = [*table.column_names]
            names[at] = pick([*HOSTILE_NAMES, *names], rng)
            table = table.rename_columns(names)
        elif change == 2:
            table = table.append_column(name, column)
        elif change in (3, 4, 5):
            kinds = arrays(len(table), rng)
            table = table.set_column(at, name, pick([*kinds.values()], rng)())
        elif change == 6:
            table = table.slice(0, int(rng.integers(3)))
        elif change == 7:
            table = table.select(rng.permutation(table.num_columns).tolist())
        else:
            table = with_cells(table, at, rng)
    return table


def with_cells(table, at, rng):
    """Table, of which a column holds some hostile cells, as text if it has to be."""
    with suppress(pa.ArrowException):
        cells = table.column(at).cast(pa.string()).to_pylist()
        for _ in range(min(len(cells), int(rng.integers(1, 4)))):
            cells[rng.integers(len(cells))] = pick(HOSTILE_CELLS, rng)
        table = table.set_column(at, table.column_names[at], pa.array(cells, pa.string()))
    return table


def written(table, kind, rng):
    """Bytes of a table as CSV, Parquet or Arrow; what a format does not hold is left out."""
    sink = io.BytesIO()
    if kind == "csv":
        nested = [i for i, of in enumerate(table.schema.types) if not is_flat(of)]
        for i in reversed(nested):
            table = table.remove_column(i)
        csv.write_csv(table, sink, csv.WriteOptions(quoting_style="needed"))
    elif kind == "parquet":
        groups = int(rng.choice([7, 20, 10**6]))
        compression = pick(["snappy", "none", "zstd", "gzip"], rng)
        version = pick(["1.0", "2.0"], rng)
        pq.write_table(
            *(table, sink),
            row_group_size=groups,
            compression=compression,
            data_page_version=version,
            write_page_index=rng.random() < 0.3,
        )
    elif rng.random() < 0.5:
        feather.write_feather(table, sink, compression=pick(["lz4", "uncompressed"], rng))
    else:
        with pa.ipc.new_file(sink, table.schema) as file:
            file.write_table(table, max_chunksize=int(rng.choice([7, 10**6])))
    return sink.getvalue()


def read(path):
    """Table of a file or folder that was written."""
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        whole = csv.ReadOptions(block_size=2**27)
        nulls = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        return csv.read_csv(path, whole, csv.ParseOptions(newlines_in_values=True), nulls)
    if suffix in (".arrow", ".feather", ".ipc"):
        return feather.read_table(path)
    return pq.read_table(path)


def is_flat(kind):
    """Whether CSV holds a type."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    odd = (pa.types.is_nested, pa.types.is_union, pa.types.is_run_end_encoded)
    return not any(test(kind) for test in odd) and not isinstance(kind, pa.BaseExtensionType)


def mutated_bytes(data, kind, rng):
    """Bytes with some flipped, changed, cut, doubled or put in; of a footer, more often."""
    data = bytearray(data)
    for _ in range(1 + rng.poisson(1)):
        if not data:
            break
        at = int(rng.integers(len(data)))
        if kind != "csv" and rng.random() < 0.6:
            at = len(data) - 1 - int(rng.integers(min(len(data), 900)))
        change, length = rng.integers(7), int(rng.integers(1, 1 + min(len(data), 64)))
        if change == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif change == 1:
            data[at] = rng.choice([0, 255, 127, 128, *b'",\n\r\0 \\-.5\xef'])
        elif change == 2:
            del data[at : at + length]
        elif change == 3:
            data[at:at] = data[at : at + length]
        elif change == 4:
            data[at:at] = rng.integers(256, size=length, dtype=np.uint8).tobytes()
        elif change == 5:
            del data[at:]
        else:
            data = promising_more(data, rng) if kind == "parquet" else data * 2
    return bytes(data)


def promising_more(data, rng):
    """Parquet whose footer tells of larger numbers, in some places; its length is right."""
    size = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != b"PAR1" or size > len(data) - 12 or not size:
        return data
    footer = bytearray(data[-8 - size : -8])
    for _ in range(1 + rng.poisson(2)):
        at = int(rng.integers(len(footer)))
        footer[at : at + 1] = varint(int(rng.choice([2**14, 2**31 - 1, 2**34, 2**47, 2**63 - 1])))
    return data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def varint(number):
    """Bytes of a number as Thrift writes it."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def mutated_csv(data, rng):
    """CSV in another dialect, or with lines that are none."""
    lines = data.split(b"\n")
    change, at = rng.integers(12), int(rng.integers(len(lines)))
    if change == 0:
        return b"\xef\xbb\xbf" + data
    if change == 1:
        return data.decode().encode(pick(ENCODINGS, rng), "replace")
    if change == 2:
        return data.replace(b"\n", pick([b"\r", b"\r\n", b"\n\n", b"\n\r"], rng))
    if change == 3:
        return data.replace(b",", pick([b";", b"\t", b",,", b" , "], rng))
    if change == 4:
        return b"\n".join(lines[1:])
    if change == 5:
        return lines[0] + b"\n"
    if change == 6:
        return data.rstrip(b"\n") + b'\n"never closed,'
    if change == 7:
        lines[at] += b",more"
    elif change == 8:
        lines[at] = lines[at].rpartition(b",")[0]
    elif change == 9:
        lines[at] = b"x" * int(rng.choice([10**5, 9 * 2**20]))
    elif change == 10:
        lines[0] += b"".join(b",c%d" % i for i in range(int(rng.choice([20, 3000]))))
    else:
        lines[at] = pick(HOSTILE_CELLS, rng).encode()
    return b"\n".join(lines)


def data_of(kind, mutate, with_lists, rng):
    """Bytes of a file of rows, as it should be or not, and the names of its columns."""
    table = rows(60, rng)
    if not with_lists:
        table = table.drop_columns(["tags"])
    change = rng.random() if mutate else 1
    if change < 0.05:
        other = {"csv": "parquet", "parquet": "arrow", "arrow": "csv"}[kind]
        return pick([*TEXTS, written(table, other, rng)], rng), table.column_names
    if change < 0.5:
        table = mutated_table(table, rng)
    try:
        data = written(table, kind, rng)
    except (pa.ArrowException, TypeError, OverflowError):  # a type that the format has not
        data = written(rows(60, rng).drop_columns(["tags"]), kind, rng)
        change = 0.6
    if 0.4 < change < 1:
        rare = kind == "csv" and rng.random() < 0.5
        data = mutated_csv(data, rng) if rare and b"\n" in data else mutated_bytes(data, kind, rng)
    return data, table.column_names


def folder_of(path, mutate, with_lists, rng):
    """Write a folder of Parquet files; returns the names of the columns."""
    names = set()
    os.mkdir(path)
    for i in range(int(rng.integers(1, 4))):
        data, found = data_of("parquet", mutate and rng.random() < 0.5, with_lists, rng)
        below = [
            "",
            "",
            "year=2020",
            "year=",
            "=x",
            "year=x",
            "city=Oslo",
            "a=b=c",
            ".hidden",
            "_x",
        ]
        inner = os.path.join(path, pick(below, rng) if mutate else "")
        os.makedirs(inner, exist_ok=True)
        name = pick(["a.parquet", "a.txt", ".a.parquet", "a"], rng) if mutate else "a.parquet"
        with open(os.path.join(inner, f"{i}{name}"), "wb") as file:
            file.write(data)
        names |= {*found}
    return [*names, "year"]
