"""What the encoder and the predictors share: parameters, reading rows, fitted state."""

from contextlib import contextmanager
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, estimator_html_repr
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skembed._columns.frames import Columns
from skembed._columns.row_encoder import Refusals
from skembed._files.atomic import write_bytes
from skembed._model.dimensions import RULES
from skembed._persistence.encoder_state import pack_state, put_together, take_apart, unpack_state
from skembed._persistence.file_format import explained, read_file, write_file
from skembed._utils.public_names import without_class_names
from skembed._utils.sklearn_compat import Interval, StrOptions, routing_enabled


@without_class_names
class BaseNeuralEmbedding(CallbackSupportMixin, BaseEstimator):
    """Parameters, the reading of rows, and fitted state of the encoder and the predictors."""

    _parameter_constraints: dict = {
        "categorical_features": [StrOptions({"auto"}), "array-like", callable],
        "embedding_dim": [
            StrOptions(set(RULES)),
            Interval(Integral, 1, None, closed="left"),
            dict,
            callable,
        ],
        "crosses": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            list,
            None,
        ],
        "cv": ["cv_object"],
        "hidden_layer_sizes": ["array-like"],
        "interaction": [StrOptions({"mlp", "dot"})],
        "bag_mode": [StrOptions({"mean", "sum"})],
        "target_type": [
            StrOptions({"auto", "binary", "multiclass", "multilabel", "continuous", "multioutput"})
        ],
        "loss": [StrOptions({"auto", "squared_error", "absolute_error", "quantile", "poisson"})],
        "quantile": [Interval(Real, 0, 1, closed="neither"), None],
        "y_range": [tuple, list, None],
        "use_context": ["boolean"],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
        "handle_unknown": [StrOptions({"embed", "warn", "error"})],
        "handle_missing": [StrOptions({"embed", "error"})],
        "pretrained": [dict, None],
        "freeze_pretrained": ["boolean"],
        "unseen_rate": [Interval(Real, 0, 1, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "n_jobs": [
            None,
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
        ],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # What only some of the estimators let the user choose.
    target_type: str = "auto"
    loss: str = "auto"
    quantile: float | None = None
    y_range: tuple | None = None

    # groups go to the splitter, not to the encoder itself.
    __metadata_request__fit = {"groups": UNUSED}
    __metadata_request__fit_transform = {"groups": UNUSED}

    def get_metadata_routing(self):
        """Say that sample weights stay here and groups go to the splitter.

        Returns
        -------
        routing : MetadataRouter
            See the scikit-learn user guide on metadata routing.
        """
        mapping = MethodMapping()
        for method in ("fit", "fit_transform"):
            mapping.add(caller=method, callee="split")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(splitter=self.cv, method_mapping=mapping)

    @property
    def vocabularies_(self):
        """Levels and codes of each embedded column, by name."""
        check_is_fitted(self)
        return self.row_encoder_.vocabularies

    @property
    def crosses_(self):
        """Combinations and codes of each cross, by a name like ``"city x kind"``."""
        check_is_fitted(self)
        return {cross.name: cross for cross in self.row_encoder_.crosses}

    @property
    def bins_(self):
        """Bins of the numeric columns that are crossed, by name."""
        check_is_fitted(self)
        return self.row_encoder_.bins

    def save(self, path):
        """Write the fitted estimator into one file that holds data and no code.

        The file is whole at any moment: the old one until the new one is written. A loaded
        estimator gives the same bits, and keeps the fitted attributes and `set_output`.

        Parameters that are code or large are replaced: a callable ``categorical_features`` by the
        list of the columns, a callable ``embedding_dim`` by the lengths by column. The splitters
        KFold, StratifiedKFold, GroupKFold and StratifiedGroupKFold are kept. Other splitters, a
        RandomState and ``pretrained`` become the default. `save` warns of each: it matters only if
        the loaded estimator is fitted again. Requests for metadata routing, callbacks and
        attributes of derived classes are not kept.

        Parameters
        ----------
        path : str or path-like
            Usually ``name.skembed``. An existing file is replaced.

        Raises
        ------
        ValueError
            If a level, a class or a column name is of a type that has no form as data.

        Examples
        --------
        >>> import pandas as pd
        >>> import tempfile
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
        >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     encoder.save(f"{folder}/cities.skembed")
        ...     loaded = NeuralEmbeddingEncoder.load(f"{folder}/cities.skembed")
        >>> loaded.vocabularies_["city"].levels
        ['Bern', 'Oslo', 'Rome']
        """
        check_is_fitted(self)
        write_file(path, *take_apart(self))

    @classmethod
    def load(cls, path):
        """Read an estimator that `save` wrote.

        Nothing in the file can run code, and no more is read into memory than the file holds.
        Loading needs no torch.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        object
            The fitted estimator, of the class whose method this is.

        Raises
        ------
        skembed.exceptions.InvalidFileError
            If the file is damaged, of another kind or of a newer format. It is a ValueError.
        """
        content, arrays = read_file(path)
        with explained(path):
            return put_together(cls, content, arrays)

    def explore(self, path, X=None, y=None):
        """Write a page that shows the vectors of all columns, to open in a browser.

        One file that needs no network: maps in two and three dimensions, search of levels, nearest
        levels, the losses of training, and levels that `fit` could tell little of. A column of
        one component has the number of rows as second axis. Of more than 20,000 levels those of
        most rows are shown.

        Parameters
        ----------
        path : str or PathLike
            The HTML file to write. An existing file is replaced, when the new one is whole.

        X : data frame or array-like of shape (n_rows, n_features), default=None
            Rows to take the mean target of each level from: those of `fit`, say. Without them
            points are coloured by the first component, the own effect of the level.

        y : array-like of shape (n_rows,), default=None
            The target of these rows: a quantity, or two classes.

        Raises
        ------
        ModuleNotFoundError
            If plotly is not installed, whose JavaScript is put into the page.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
        >>> y = [3.0, 1.5, 4.2] * 40
        >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     encoder.explore(f"{folder}/report.html", X, y)
        """
        check_is_fitted(self)
        from skembed.inspection._explorer import make_page

        page = make_page(self, X, y).encode()
        write_bytes(path, page)

    def _options(self):
        """Parameters by name, for the steps of a fit, which do not see the estimator."""
        # Those that only some of the estimators let the user choose are attributes of the class.
        names = {*BaseNeuralEmbedding._parameter_constraints, *self._get_param_names()}
        return SimpleNamespace(**{name: getattr(self, name) for name in names})

    def _keep(self, row_encoder, tables, history, best_epoch, target_type, classes, **own):
        """Set the fitted attributes: those of all estimators, and the ones of one kind."""
        self.__dict__.update(
            row_encoder_=row_encoder,
            tables_=tables,
            history_=history,
            n_iter_=len(history["seconds"]),
            best_epoch_=best_epoch,
            target_type_=target_type,
            classes_=classes,
            **own,
        )

    def _columns(self, X, *, reset):
        """Columns of X, with its names and their number checked, or remembered."""
        if not reset and self.row_encoder_.is_sparse != issparse(X):
            X = self._sparse(X)
        columns = Columns(X)
        columns.is_new = not reset
        if not reset and columns.is_frame and columns.names == self._names_in():
            return columns  # in a third of the time of validate_data
        if not reset and columns.is_frame:
            self._check_other_names(columns.names)
        checked = columns.array if hasattr(columns, "array") else X
        try:
            validate_data(self, checked, reset=reset, skip_check_array=True)
        except ValueError as error:
            if reset or not hasattr(self, "feature_names_in_"):
                raise
            names = "X[encoder.feature_names_in_]" if columns.is_frame else self._names_in()
            raise ValueError(
                f"{error}\nGive the columns that fit was given, in their order: {names}."
            ) from None
        if reset and (columns.n_rows < 1 or not columns.names):
            what = "sample(s)" if columns.names else "feature(s)"
            shape = (columns.n_rows, len(columns.names))
            raise ValueError(
                f"Found array with 0 {what} (shape={shape}) while a minimum of 1 is required: "
                "there is nothing to fit on."
            )
        return columns

    def _check_other_names(self, names):
        """Raise if columns are others than in fit, by names that scikit-learn does not look at."""
        given = self.row_encoder_.names
        if all(isinstance(name, str) for name in given) or len(names) != len(given):
            return  # which scikit-learn looks at
        if names != given and list(map(str, names)) != list(map(str, given)):
            raise ValueError(
                f"X has the columns {names}, but fit was given {given}. Give these columns in "
                f"their order: X[{given}]."
            )

    def _names_in(self):
        """Names of the columns that fit was given, if all are strings."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else names.tolist()

    def _sparse(self, X):
        """X as the bag that fit was given; dense counts will do."""
        if not self.row_encoder_.is_sparse:
            raise TypeError(
                "X is sparse, but fit was given columns: give those, "
                f"{list(getattr(self, 'feature_names_in_', range(self.n_features_in_)))}."
            )
        return csr_array(check_array(X, dtype=np.float32))

    def _refusals(self):
        """Which levels are an error."""
        return Refusals.of(self.handle_unknown, self.handle_missing)

    def _html_repr(self):
        """HTML that notebooks show: scikit-learn's own, and what was learned."""
        from skembed.inspection._summary import summary_html

        shown = estimator_html_repr(self)
        return shown + summary_html(self) if hasattr(self, "tables_") else shown

    def __getstate__(self):
        """State to pickle: parameters, and the fitted state as a file holds it, plain data."""
        return pack_state(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(unpack_state(state))

    def __copy__(self):
        """Copy that shares the fitted state, without packing it."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def _split_params(self, method, groups):
        """What `groups` become for the splitter, with and without metadata routing."""
        if groups is None:
            return {}
        if routing_enabled():
            return process_routing(self, method, groups=groups).splitter.split
        if self.cv is None or isinstance(self.cv, Integral):
            raise ValueError(
                f"groups were given, but cv={self.cv!r} does not use them. Give a splitter that "
                "does, such as cv=GroupKFold(5)."
            )
        return {"groups": groups}


def read_rows(estimator, X):
    """Columns of X, checked against those that a fitted estimator was given.

    Parameters
    ----------
    estimator : BaseNeuralEmbedding
    X : data frame or array-like of shape (n_rows, n_features)

    Returns
    -------
    Columns
    """
    return estimator._columns(X, reset=False)


def encode_rows(estimator, columns):
    """Codes of rows by embedded column and cross, as `RowEncoder.encode` gives them."""
    return estimator.row_encoder_.encode(columns, estimator._refusals())


def encode_blocks(estimator, columns):
    """Codes of rows, block by block, as `RowEncoder.encode_blocks` gives them."""
    return estimator.row_encoder_.encode_blocks(columns, estimator._refusals())


@contextmanager
def all_or_nothing(estimator):
    """Give an estimator its former state back if fitting fails or is interrupted.

    Callbacks are told when a fit begins and ends. `fit_context` tears them down, by what stands in
    the state before.
    """
    fitting = estimator._init_callback_context(max_subtasks=None)
    fitting.call_on_fit_task_begin(estimator=estimator)
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__ = before
        raise
    fitting.call_on_fit_task_end(estimator=estimator)
