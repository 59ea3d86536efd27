"""The device of a fit, without a GPU: the "meta" device of torch stands for it. Its threads."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch._subclasses.fake_tensor import FakeTensorMode

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed._model.losses import CrossEntropy, LogLoss, SquaredLoss
from skembed._training.batches import read_rows
from skembed._training.decoders import Decoder, DotDecoder
from skembed._training.fold_tables import FoldTables
from skembed._training.loop import compute_gradients
from skembed._training.losses import make_loss
from skembed._training.optimizers import AdamW
from skembed._training.rows import Block, TableShape
from skembed._training.runtime import choose_device, limit_threads

OTHER = torch.device("meta")


def test_device_auto_is_the_cpu():
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    assert NeuralEmbeddingEncoder().device == NeuralEmbeddingClassifier().device == "auto"


@pytest.mark.parametrize("given", ["gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:x"])
def test_device_of_an_unknown_name_is_an_error(rents, given):
    with pytest.raises(
        ValueError, match=f"device='{given}' is no device .* give 'auto', 'cpu', 'cuda'"
    ):
        NeuralEmbeddingEncoder(device=given).fit(*rents)


@pytest.mark.parametrize(
    ("given", "there", "told"),
    [
        ("cuda", 0, "device='cuda', but torch .* sees no GPU here. Give device='cpu', or install"),
        ("cuda:2", 2, r"sees \['cuda:0', 'cuda:1'\] here. Give device='cpu', or one of these"),
    ],
)
def test_device_of_a_gpu_that_is_absent_is_an_error(monkeypatch, rents, given, there, told):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    encoder = NeuralEmbeddingEncoder(device=given)
    with pytest.raises(ValueError, match=told):
        encoder.fit(*rents)
    with pytest.raises(ValueError, match=told):  # no target
        encoder.set_params(target_type="none").fit(rents[0])
    assert not hasattr(encoder, "n_features_in_")


def test_device_of_an_absent_gpu_is_checked_before_files(tmp_path, rents):
    X, y = rents
    X.assign(y=y).to_parquet(tmp_path / "rents.parquet")
    with pytest.raises(ValueError, match="device='cuda:77'"):
        NeuralEmbeddingEncoder(device="cuda:77").fit_parquet(tmp_path, "no such column")


def block(values, bag=False):
    """Two hundred rows of two columns of levels, of one more that may hold bags, and of numbers."""
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, size, 200) for size in (9, 300)]
    codes.append(csr_array(rng.random((200, 5)).astype("float32")) if bag else codes[0] % 5)
    context = rng.normal(size=(200, 2)).astype("float32")
    weight = rng.integers(1, 3, 200).astype("float32")
    return Block(codes, context, values, weight, np.arange(200) % 4)


def mlp(tables, bias, generator):
    return Decoder(tables, 2, (8, 4), bias, dropout=0.5, generator=generator)


def dot(tables, bias, generator):
    tables.start_products(0.03, generator)
    return DotDecoder(tables, 2, bias)


@pytest.mark.parametrize(
    ("decoder_of", "dims", "loss", "values", "n_folds", "bag"),
    [
        (mlp, [2, 4, 1], LogLoss(), np.ones((200, 1), "float32"), 4, False),
        (mlp, [2, 4, 1], CrossEntropy(), np.arange(200) % 3, 4, True),
        (mlp, [2, 4, 1], SquaredLoss(None), np.ones((200, 3), "float32"), 1, False),
        (dot, [33, 33, 1], SquaredLoss((np.zeros(1), np.ones(1))), np.ones((200, 1)), 4, False),
    ],
    ids=["two classes", "three classes, bags", "quantities, one table", "dot"],
)
def test_device_of_all_parts_of_a_step_is_the_same(decoder_of, dims, loss, values, n_folds, bag):
    """Fake tensors have a device and no numbers: to mix devices, or to wait for one, raises."""
    generator = torch.Generator().manual_seed(0)
    bias = np.zeros(3 if loss.name == "cross_entropy" else values.shape[1], dtype="float32")
    shapes = [TableShape("", n_codes, dim) for n_codes, dim in zip([9, 300, 5], dims, strict=True)]
    tables = FoldTables(shapes, n_folds, [2] if bag else [], OTHER)
    decoder = decoder_of(tables, bias, generator).to(OTHER)
    losses_of = make_loss(loss, OTHER)
    rows = read_rows(block(values, bag), tables, losses_of, bias)
    adamw, before = AdamW(decoder, 1e-4), tables.snapshot()
    with FakeTensorMode(allow_non_fake_inputs=True):
        losses, fitted, gradient = compute_gradients(tables, decoder, losses_of, rows, 200)
        adamw.step(1e-3)
        tables.step(rows.packed, gradient, 0.1)
        tables.restore(before)
    assert {part.device for part in (losses, fitted, gradient, adamw.weight)} == {OTHER}
    assert gradient.shape == (len(losses), n_folds, tables.padded)


def in_new_thread(function):
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_threads_of_torch_are_those_of_the_user_after_fits_that_overlap(three_threads):
    both_inside, one_is_out = Barrier(2), Barrier(2)

    def fit(is_first):
        with limit_threads(2):
            inside = torch.get_num_threads()
            both_inside.wait()
            if not is_first:
                one_is_out.wait()
        if is_first:
            one_is_out.wait()
        return inside, torch.get_num_threads()

    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(fit, [True, False])] == [(2, 3), (2, 3)]
    assert torch.get_num_threads() == in_new_thread(torch.get_num_threads) == 3


def test_threads_of_a_fit_are_its_own(three_threads):
    with limit_threads(1):
        assert torch.get_num_threads() == 1
        assert in_new_thread(torch.get_num_threads) == 3


FORKED = """
import os, sys
import numpy as np
import pandas as pd
from skembed import NeuralEmbeddingEncoder

codes = np.random.default_rng(0).integers(0, 50, (4000, 2)).astype(str)
X = pd.DataFrame(codes, columns=["city", "kind"])
X.assign(y=codes[:, 0].astype(float)).to_parquet(sys.argv[2])
encoder = NeuralEmbeddingEncoder(max_epochs=2, crosses=None, n_jobs=2, random_state=0)

def fit(what):
    if what == "fit_parquet":
        encoder.fit_parquet(sys.argv[2], "y")
    else:
        encoder.fit(X, codes[:, 0].astype(float) if what == "fit" else None)
    return encoder.tables_["city"]

before = fit(sys.argv[1])
child = os.fork()
if not child:
    np.testing.assert_array_equal(fit(sys.argv[1]), before)
    print("same bits", flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.parametrize("what", ["fit", "fit without a target", "fit_parquet"])
def test_threads_of_a_fork_train_the_same_bits(what, tmp_path):
    """A fit of two threads hung in a fork of a process that had done one."""
    command = [sys.executable, "-c", FORKED, what, tmp_path / "rows.parquet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "same bits\n"


def test_threads_of_a_fork_hand_errors_and_context_to_the_caller(monkeypatch):
    from skembed._training import runtime

    class Settings:
        n_jobs = 2

    @runtime.in_new_thread_after_fork
    def train(settings):
        raise KeyError(np.geterr()["over"])

    monkeypatch.setattr(runtime, "_IMPORTED_BY", -1)
    with np.errstate(over="call"), pytest.raises(KeyError, match="call"):
        train(Settings)
