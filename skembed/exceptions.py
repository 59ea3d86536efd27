"""Errors and warnings of the package's own."""


class InvalidFileError(ValueError):
    """A file that is no whole file of skembed, or of a later format.

    Examples
    --------
    >>> import tempfile
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.exceptions import InvalidFileError
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         NeuralEmbeddingEncoder.load(file.name)
    ...     except InvalidFileError:
    ...         print("no encoder")
    no encoder
    """


class SkembedWarning(UserWarning):
    """Any warning that skembed gives.

    Examples
    --------
    >>> import warnings
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.exceptions import SkembedWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", SkembedWarning)
    ...     encoder = NeuralEmbeddingEncoder(max_epochs=1).fit([["Oslo", "a"], ["Rome", "b"]] * 9)
    """
