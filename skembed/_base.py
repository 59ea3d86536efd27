"""What the encoder and the predictors share: parameters, and the way from X and y to tables."""

from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import validate_data

from skembed._columns.bags import weighted_codes
from skembed._columns.column_selection import embedded_columns, leave_out, report_left_out
from skembed._columns.frames import Columns
from skembed._columns.numeric import Bins, Context
from skembed._columns.output_layout import cross_name
from skembed._columns.vocabulary import Vocabulary
from skembed._fit.evidence import Evidence, choose_crosses, draw_rows, requested_crosses
from skembed._model.dimensions import RULES, cross_dim, embedding_dims
from skembed._model.folds import assign_folds
from skembed._model.pretrained import place, read_pretrained
from skembed._model.target import Target, encode_target
from skembed._training.monitor import Monitor
from skembed._training.rows import HeldRows, TableShape
from skembed._training.settings import read_settings
from skembed._training.significance import is_evidence
from skembed._utils.memory import check_tables
from skembed._utils.sklearn_compat import Interval, StrOptions, check_sample_weight, routing_enabled
from skembed._utils.warnings import warn_user
from skembed.packing import pack_table, unpack_table


class Problem(NamedTuple):
    """What a training run is given beside the levels.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        The numeric columns as the net sees them.
    target : Target
    weight : ndarray of shape (n_rows,)
    fold : ndarray of int64, shape (n_rows,)
    pretrained : dict of str to Start
        Where columns start whose vectors were given.
    seed : int
    """

    inputs: np.ndarray
    target: Target
    weight: np.ndarray
    fold: np.ndarray
    pretrained: dict
    seed: int


class Learned(NamedTuple):
    """What a fit knows beside the fitted attributes, for the time of the fit.

    Attributes
    ----------
    columns : Columns
    others : list of int
        Positions of the columns that are not embedded.
    codes : dict of str to ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes)
        By embedded column and cross; a matrix of weights for a bag.
    crosses : set of str
        Names of the crosses.
    context : Context
    problem : Problem
    trained : Trained
        See `skembed._training.loop`.
    """

    columns: Columns
    others: list
    codes: dict
    crosses: set
    context: Context
    problem: Problem
    trained: Any


class BaseNeuralEmbedding(CallbackSupportMixin, BaseEstimator):
    """Parameters and fitting; what becomes of the tables is told by the classes that derive."""

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
        "handle_unknown": [StrOptions({"embed", "error"})],
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

    def _learn(self, X, y, sample_weight, split_params):
        """Train; set the fitted attributes that all estimators share, and return the rest."""
        check_layers(self.hidden_layer_sizes)
        check_device(self.device)
        columns = self._columns(X, reset=True)
        check_consistent_length(X, y, sample_weight)
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        target = self._encode_target(y, weight)
        embedded = [0]
        if columns.sparse is None:
            embedded = embedded_columns(self.categorical_features, X, columns)
        others = [j for j in range(len(columns.names)) if j not in embedded]
        vocabularies, codes, starts = self._learn_vocabularies(columns, embedded, weight)
        numbers = [columns.numbers(j) for j in others] if self.use_context else []
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        fold = np.zeros(columns.n_rows, dtype=np.int64)
        if self.cv is not None:
            fold = assign_folds(
                self.cv,
                X,
                y,
                target.strata,
                weight > 0,
                random_state=seed,
                split_params=split_params,
            )
        context = Context(numbers, weight)
        inputs = context.matrix(numbers, columns.n_rows)
        problem = Problem(inputs, target, weight, fold, starts, seed)
        bins, binned = self._learn_bins(columns, others, weight)
        rows = HeldRows(codes, binned, problem)
        return self._learn_from(rows, columns, others, vocabularies, context, bins)

    def _learn_from(self, rows, columns, others, vocabularies, context, bins):
        """The part of `_learn` that does not ask where the rows lie.

        Parameters
        ----------
        rows : HeldRows or skembed._fit.spilled_rows.StoredRows
        columns : Columns
        others : list of int
            Positions of the columns that are not embedded.
        vocabularies : dict of str to Vocabulary
        context : Context
        bins : dict of str to Bins
            Of the numeric columns that may be crossed.
        """
        codes, problem = rows.codes, rows.problem
        target = problem.target
        if self.interaction == "dot" and len(target.bias) > 1:
            raise ValueError(
                f"interaction='dot' gives one number for each row, but the target is "
                f"{target.kind} with {len(target.bias)}: give interaction='mlp'."
            )
        crosses, trained = self._train_with_crosses(vocabularies, bins, rows)
        if trained.best_epoch == 0:
            warn_user(
                "The columns told nothing about y that holds out of fold: in no epoch was the net "
                "better than a constant answer by two standard errors. All levels of a column get "
                "the same vector, or keep the pretrained one."
            )
        self.vocabularies_ = vocabularies
        self._is_sparse = columns.sparse is not None
        self._bags = {name for name, of_rows in codes.items() if issparse(of_rows)}
        self._keep_crosses({cross_name(cross.names): cross for cross in crosses}, bins)
        self.history_, self.best_epoch_ = trained.history, trained.best_epoch
        self.n_iter_ = len(trained.history["seconds"])
        self.classes_, self.target_type_ = target.classes, target.kind
        self._position = {name: j for j, name in enumerate(columns.names)}
        crossable = codes | rows.binned
        codes = codes | {name: cross.encode(crossable) for name, cross in self.crosses_.items()}
        return Learned(columns, others, codes, set(self.crosses_), context, problem, trained)

    def _encode_target(self, y, weight):
        return encode_target(
            y,
            self.target_type,
            weight,
            loss=self.loss,
            quantile=self.quantile,
            y_range=self.y_range,
        )

    def _keep_crosses(self, crosses, bins):
        """Remember crosses by name, and those bins that they are made of."""
        self.crosses_ = crosses
        crossed = {name for cross in crosses.values() for name in cross.names}
        self.bins_ = {name: bins[name] for name in bins if name in crossed}

    def _codes(self, columns):
        """Codes (n_rows,) of each embedded column and cross, by name; of bags, a matrix."""
        codes = {}
        for name, vocabulary in self.vocabularies_.items():
            j = self._position[name]
            given = columns.members(j) if name in self._bags else (columns.levels(j),)
            codes[name] = self._encode(name, vocabulary, *given)
        binned = {
            name: bins.encode(columns.numbers(self._position[name]))
            for name, bins in self.bins_.items()
        }
        return codes | {name: cross.encode(codes | binned) for name, cross in self.crosses_.items()}

    def _train_with_crosses(self, vocabularies, bins, rows):
        """Crosses and what was trained; "auto" keeps crosses only if they lower the loss."""
        problem, their_codes = rows.problem, rows.crossable
        embedded = {name: vocabularies[name] for name in vocabularies if name in their_codes}
        crossable = embedded | bins

        def with_crosses(crosses, look_at=None):
            blocks = rows.blocks(crosses)
            return crosses, self._train(vocabularies, crosses, blocks, problem, look_at)

        if self.crosses != "auto":
            requested = requested_crosses(self.crosses, list(embedded), list(crossable))
            return with_crosses(rows.fit_crosses(requested, crossable))
        # Without folds there is no evidence to choose by; a dot product has its pairs already.
        if self.cv is None or self.interaction == "dot":
            return with_crosses([])
        fold, target = problem.fold, problem.target
        outputs_per_row = (fold.max() + 1) * len(target.bias)
        look_at = draw_rows(problem.weight > 0, outputs_per_row, problem.seed)
        plain = with_crosses([], look_at)
        weight, values = problem.weight[look_at, None, None], target.values[look_at, None]
        residual, curvature = target.loss.derivatives(values, plain[1].outputs)
        evidence = Evidence(residual * weight, curvature * weight, fold[look_at])
        seen = {name: column[look_at] for name, column in their_codes.items()}
        chosen = choose_crosses(crossable, seen, embedded.keys(), evidence, problem.seed)
        crosses = rows.fit_crosses(chosen, crossable)
        if not crosses:
            return plain
        if self.verbose:
            names = ", ".join(cross_name(cross.names) for cross in crosses)
            print(f"once more, with crosses: {names}")
        crossed = with_crosses(crosses)
        return crossed if is_evidence(crossed[1].losses - plain[1].losses) else plain

    def _learn_bins(self, columns, others, weight):
        """Bins and codes (n_rows,) of the numeric columns that may be crossed, by name."""
        bins, codes = {}, {}
        if self._crosses_numbers():
            for j in others:
                name, numbers = columns.names[j], columns.numbers(j)
                bins[name] = Bins.fit(numbers, weight > 0)
                codes[name] = bins[name].encode(numbers)
        return bins, codes

    def _crosses_numbers(self):
        """Whether numeric columns can be crossed."""
        return self.use_context and isinstance(self.crosses, (str, list))

    def _learn_vocabularies(self, columns, embedded, weight):
        """Vocabulary, codes (n_rows,) and start of each embedded column, by name; none of ids."""
        vocabularies, codes, starts, left_out = {}, {}, {}, []
        used, spec = weight > 0, self.categorical_features
        pretrained = self._read_pretrained([columns.names[j] for j in embedded])
        for j in embedded:
            name = columns.names[j]
            given, members = pretrained.get(name), None
            if columns.is_bag(j):
                levels, members = columns.members(j)
                counted = levels.count(np.repeat(used, members.lengths))
            else:
                levels = columns.levels(j)
                counted = levels.count(used)
                if given is None and leave_out(spec, name, counted, is_frame=columns.is_frame):
                    left_out.append(name)
                    continue
            vocabularies[name] = vocabulary = Vocabulary.of_counts(
                counted,
                min_frequency=self.min_frequency,
                max_categories=self.max_categories,
                always=given.levels if given else [],
            )
            codes[name] = self._encode(name, vocabulary, levels, members)
            # Bags of one level differ all the same if only some hold it, or hold more of it.
            if members is None or not np.ptp(codes[name].sum(axis=1)[used]):
                vocabulary.warn_if_uninformative(name)
            if given:
                starts[name] = place(
                    name, given, vocabulary, levels.values, frozen=self.freeze_pretrained
                )
        if left_out:
            report_left_out(left_out, columns.names, any_kept=bool(codes))
        return vocabularies, codes, starts

    def _read_pretrained(self, embedded):
        if self.freeze_pretrained and self.pretrained is None:
            raise ValueError(
                "freeze_pretrained=True, but no vectors were given: give pretrained, or "
                "freeze_pretrained=False."
            )
        return read_pretrained(self.pretrained, embedded, self.embedding_dim, self.interaction)

    def _encode(self, name, vocabulary, levels, members=None):
        """Codes (n_rows,) of a column; of a bag, given its members, a matrix of weights."""
        codes = vocabulary.encode(
            levels,
            name,
            allow_unknown=self.handle_unknown == "embed",
            allow_missing=self.handle_missing == "embed",
        )
        if members is None:
            return codes
        return weighted_codes(members, codes, vocabulary.n_codes, self.bag_mode)

    def _train(self, vocabularies, crosses, blocks, problem, look_at):
        with needs_torch("fit"):
            from skembed._training.loop import train
        n_levels = [len(vocabulary.levels) for vocabulary in vocabularies.values()]
        dims = embedding_dims(self.embedding_dim, list(vocabularies), n_levels, self.interaction)
        shapes = []
        for (name, vocabulary), dim in zip(vocabularies.items(), dims, strict=True):
            start = problem.pretrained.get(name)
            dim = start.vectors.shape[1] if start else dim
            shapes.append(TableShape(name, vocabulary.n_codes, dim, start))
        for cross in crosses:
            dim = cross_dim(len(cross.names), self.interaction)
            shapes.append(TableShape(cross_name(cross.names), cross.n_codes, dim))
        check_tables(shapes, blocks.n_folds)
        is_first = not (blocks.ranks and blocks.ranks.rank)  # ranks share a terminal: one tells
        with Monitor(self if is_first else None) as monitor:
            settings = read_settings(self, problem.seed, monitor)
            return train(blocks, shapes, problem.target, settings, look_at=look_at)

    def _columns(self, X, *, reset):
        """Columns of X, with its names and their number checked, or remembered."""
        if not reset and self._is_sparse != issparse(X):
            X = self._sparse(X)
        columns = Columns(X)
        if not reset and columns.is_frame and columns.names == self._names_in():
            return columns  # in a third of the time of validate_data
        checked = columns.array if hasattr(columns, "array") else X
        try:
            validate_data(self, checked, reset=reset, skip_check_array=True)
        except ValueError as error:
            if reset or not hasattr(self, "feature_names_in_"):
                raise
            raise ValueError(
                f"{error}\nGive the columns that fit was given, in their order: "
                "X[encoder.feature_names_in_]."
            ) from None
        if reset and (columns.n_rows < 1 or not columns.names):
            what = "sample(s)" if columns.names else "feature(s)"
            shape = (columns.n_rows, len(columns.names))
            raise ValueError(
                f"Found array with 0 {what} (shape={shape}) while a minimum of 1 is required: "
                "there is nothing to fit on."
            )
        return columns

    def _names_in(self):
        """Names of the columns that fit was given, if all are strings."""
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else names.tolist()

    def _sparse(self, X):
        """X as the bag that fit was given; dense counts will do."""
        if not self._is_sparse:
            raise TypeError(
                "X is sparse, but fit was given columns: give those, "
                f"{list(getattr(self, 'feature_names_in_', range(self.n_features_in_)))}."
            )
        return csr_array(check_array(X, dtype=np.float32))

    def __getstate__(self):
        """State to pickle: with the tables packed."""
        return _with_tables(pack_table, super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(_with_tables(unpack_table, state))

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


@contextmanager
def needs_torch(method):
    """Say what to install where torch cannot be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{method} needs PyTorch, which is not installed: pip install 'skembed[torch]'. A "
            "fitted encoder transforms without it."
        ) from error


def _with_tables(change, state):
    if "tables_" not in state:
        return state
    return state | {"tables_": {name: change(table) for name, table in state["tables_"].items()}}


def check_device(given):
    """Raise if there is no such device, before much is done for it."""
    with needs_torch("fit"):
        from skembed._training.runtime import choose_device
    choose_device(given)


def check_layers(sizes):
    """Raise if hidden layers are not of whole, positive sizes."""
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise ValueError(
                f"hidden_layer_sizes must hold ints of at least 1, got {size!r} in {sizes!r}."
            )
