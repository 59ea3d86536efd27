import subprocess
import sys

WITHOUT_SOCKETS = """
import sys

def refuse(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(f"a connection was tried: {event} {arguments}")

sys.addaudithook(refuse)
import pandas as pd
from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.scoring import score_file

X, X_test, y, _ = load_adult()
X, y = X.head(500), y.head(500)
encoder = NeuralEmbeddingEncoder(max_epochs=1, random_state=0).fit(X, y)
encoder.save("e.skembed")
X_test.head(100).to_parquet("rows.parquet")
score_file(NeuralEmbeddingEncoder.load("e.skembed"), "rows.parquet", "out.parquet")
NeuralEmbeddingClassifier(max_epochs=1).fit(X, y).predict(X_test.head(10))
print(len(pd.read_parquet("out.parquet")))
try:
    __import__("socket").create_connection(("127.0.0.1", 9))
except AssertionError:
    print("refused")
"""


def test_network_connections_are_not_opened(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["100", "refused"]
