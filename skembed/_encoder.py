"""`NeuralEmbeddingEncoder`: parameters, fit, transform, names, tags."""

import weakref
from dataclasses import replace

from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding, all_or_nothing, read_rows
from skembed._columns.frames import Columns
from skembed._columns.output_layout import Layout, output_dtype
from skembed._columns.row_encoder import Refusals
from skembed._files.parquet import check_out, open_dataset, write_parquet
from skembed._fit.finish import finish_tables
from skembed._fit.from_parquet import learn_from_parquet, read_again
from skembed._fit.in_memory import learn_in_memory
from skembed._fit.without_target import learn_without_target
from skembed._model.tables import gather, gather_own_fold
from skembed._reading.readable_vectors import ReadableVectors
from skembed._reading.restore import restore_columns
from skembed._training.monitor import Monitor
from skembed._utils.optional_imports import needs_torch
from skembed._utils.sklearn_compat import check_feature_names_in, fit_context
from skembed._utils.warnings import warn_user


class NeuralEmbeddingEncoder(ReadableVectors, TransformerMixin, BaseNeuralEmbedding):
    """Replace each categorical column by vectors that a small neural net learned from the target.

    One training run learns K tables of vectors per column, one per fold, under a single decoder.
    A fold's table is never moved by a row of that fold, and `fit_transform` gives every row the
    vectors of its own fold's table: the target of a row is not in its features. `transform` gives
    the mean of the K tables, for rows that were not trained on.

    .. note::
        ``fit(X, y).transform(X)`` does not equal ``fit_transform(X, y)``, as with
        :class:`~sklearn.preprocessing.TargetEncoder`. Train the next model on `fit_transform`, as
        a :class:`~sklearn.pipeline.Pipeline` does by itself.

    Without a target, ``target_type="none"``, the vectors are learned by predicting columns that are
    hidden, numbers and missing levels included, from those that are not: levels that occur beside
    the same levels and numbers get near vectors. They serve clusters, neighbours and data of which
    few rows have labels. No target can leak, so there is one table, and `transform` gives what
    `fit_transform` gave. Folds, layers, dropout, the unseen rate and early stopping play no part
    then, and there are no crosses.

    Parameters
    ----------
    categorical_features : {"auto", "all"}, list of str, list of int, mask or callable, \
            default="auto"
        The columns to embed.

        - "auto": columns of strings, bytes, categories, booleans and lists. Numbers are not
          embedded, and neither are dates and times: name integer ids, and days that come back.
          An array of objects is decided column by column, as a frame is. An array of strings is
          embedded as a whole. An array of numbers is embedded but for columns with fractions, if
          others have none. Columns of labels in which nearly every row differs are left out with
          a warning: they are neither embedded nor in the output.
        - "all": every column. Each number of a numeric column is a level then.
        - A list of names or of positions, or a mask: the columns that it names. These may hold
          anything that has a hash, such as integers and dates.
        - A callable: it is given ``X`` and returns any of the other forms, as
          :func:`~sklearn.compose.make_column_selector` does.

    embedding_dim : {"auto", "fastai", "google", "half"}, int, dict or callable, default="auto"
        Length of the vectors. "auto" trains by :func:`skembed.sizing.auto_dim` (at most 4, and 1
        for two levels, because more cost time and helped no model) and returns the components
        that move the answer or that a linear model needs for one of several outputs, one at least
        (docs/defaults.md says how). Another rule of
        :mod:`skembed.sizing`, an int, a dict by column or a callable of the number of levels gives
        a length that is kept. Without a target "auto" trains at most 16 and returns the
        components with 1 % or more of what all vectors predict, one at least.

    crosses : "auto", None, int or list of tuples, default="auto"
        Columns made of two or more columns, with a level for each combination that occurs. Crosses
        explain what columns do not explain alone. Most combinations are rare; the folds and the
        prior row make them safe. Numeric columns that the net sees can take part, in
        bins: one for each value, or 32 quantiles. Pairs get two numbers, larger crosses one.
        "auto" trains without crosses first and tries pairs, then triples, on what that net leaves
        unexplained out of fold, at most 40 of each. Then it trains with them, keeps them only if
        the out-of-fold loss falls (docs/crosses.md says how that is decided), and returns those
        that add something of their own. "auto" needs folds: with ``cv=None`` it takes no
        crosses. None takes about half of time and width. An int takes all combinations of two and
        up to so many embedded columns, a list of tuples names them. A cross must not have the name
        of a column, ``"city x kind"``, say: "auto" takes no such cross, and crosses that are asked
        for raise an error before training.

    cv : int, cross-validation generator, iterable or None, default=5
        The folds, by the contract of :class:`~sklearn.preprocessing.TargetEncoder`: every row is
        in exactly one test fold.

        - An int makes shuffled folds, stratified by class.
        - A splitter or an iterable of splits gives the folds. A generator serves one fit.
        - None trains one table by all rows. `fit_transform` then leaks the target. None is only
          for vectors that no model is trained on.

        More folds leave each table more rows and cost more time, up to 10 folds. More than 10
        folds share 10 tables: each fold is whole in one table, and an int above 10 gives what 10
        gives. With more tables the features of a row would leak its target (docs/leakage.md).

    hidden_layer_sizes : tuple of int, default=(64, 32)
        Layers of the decoder.

    interaction : {"mlp", "dot"}, default="mlp"
        How columns interact: in the layers of a small net, or by the dot products of their
        vectors, as in collaborative filtering. "dot" is for two columns or a few of many levels
        each, users and items say, and for targets of one number. The first component of a vector
        is then the level's bias, all columns get 33 numbers by default, ``crosses="auto"`` makes
        none, and the layers are not used.

    bag_mode : {"mean", "sum"}, default="mean"
        What becomes of the members of a bag, which is a cell of a list column or a row of a sparse
        X: their weighted mean or sum. The numbers of a sparse X (counts, say) are the weights.
        Members never seen are ignored; an empty or missing bag is zero.

    target_type : {"auto", "binary", "multiclass", "multilabel", "continuous", "multioutput", \
            "none"}, default="auto"
        What ``y`` holds.

        - "auto": floats and decimals are quantities, also when they are whole (prices, ratings).
          Strings, booleans and integers are classes. Several columns of floats are several
          quantities; a matrix of integers 0 and 1 is several labels. Without ``y`` the vectors are
          learned without a target, and `fit` warns.
        - "binary", "multiclass": classes. "multilabel": several labels.
        - "continuous": a quantity. "multioutput": several quantities.
        - "none": there is no target. The vectors are learned from the columns alone, also where a
          Pipeline has a ``y`` for its last step.

    loss : {"auto", "squared_error", "absolute_error", "quantile", "poisson"}, default="auto"
        What the net minimises where the target is a quantity: "auto" is the squared error.
        "absolute_error" and "quantile" are not moved by outliers; "poisson" is for counts, and the
        net then predicts the logarithm of the rate. Classes have the log-loss.

    quantile : float, default=None
        The quantile that ``loss="quantile"`` is about, between 0 and 1.

    y_range : (float, float), default=None
        Lowest and highest target, such as (0.5, 5.5) for ratings from 1 to 5: the net's output
        goes through a sigmoid between them, as is usual in collaborative filtering. A little
        beyond the real ends, since the sigmoid reaches its own only at infinity.

    use_context : bool, default=True
        Whether the net sees the numeric columns beside the vectors. The levels need
        not explain what the numbers do.

    remainder : {"passthrough", "drop"}, default="passthrough"
        What becomes of the columns that are not embedded.

        - "passthrough": they stand in the output as they are. They must be numeric; text or dates
          among them are an error before training.
        - "drop": they are not in the output. The net still sees the numeric ones, unless
          ``use_context=False``. Columns that hold no numbers are left out, and `fit` warns of them.

    min_frequency : int or float, default=None
        Levels with fewer rows, or a smaller fraction of the rows, share the infrequent row, as in
        :class:`~sklearn.preprocessing.OneHotEncoder`. Seldom needed: rare levels stay near the
        prior row by themselves.

    max_categories : int, default=None
        Most levels of a column that have a row of their own, counting the infrequent row if there
        is one. Of equally frequent levels the first are kept.

    handle_unknown : {"embed", "warn", "error"}, default="embed"
        How levels not seen in `fit` are handled.

        - "embed" gives them the prior row, which was trained for them.
          `transform` warns of a column in which no level was seen (docs/levels.md).
        - "warn" gives them the prior row, and `transform` warns of each column that holds some.
        - "error" raises an error that names column and levels.

    handle_missing : {"embed", "error"}, default="embed"
        Missing values get a row of their own (the prior row if `fit` saw none), or are an error.

    pretrained : dict, default=None
        Vectors that are known already, of some columns: ``{column: {level: vector}}``, or a data
        frame with the levels as index instead of the inner dict. They set the length of the
        column's vectors (``embedding_dim`` is for the others), training starts from them, and the
        output keeps their axes and all their components. Levels without a pretrained vector start
        at the mean of those that have one; so do unseen and missing ones. Levels that are not in
        `fit` are kept and served by `transform`; none is pooled as infrequent. Vectors that were
        trained on the target of the same rows leak it: take those of other rows, another target,
        or words.

    freeze_pretrained : bool, default=False
        Whether pretrained vectors stay as given, to the bit. Levels without one still learn their
        difference from the mean.

    unseen_rate : float, default=0.1
        Fraction of the codes shown to the net as unseen, which trains the prior row.

    dropout : float, default=0.0
        Fraction of the decoder's hidden units left out in each step.

    weight_decay : float, default=1e-4
        Weight decay of the decoder.

    learning_rate : float, default=3e-3
        Peak learning rate of the decoder, in a one-cycle schedule.

    batch_size : "auto" or int, default="auto"
        Rows per step. "auto" is 1/50 of the rows as a power of two between 32 and 1024: small
        data need the steps, large data the speed.

    max_epochs : "auto" or int, default="auto"
        Most passes over the rows. "auto" makes about 500 steps, with 8 passes at least and 40
        at most.

    early_stopping : bool, default=True
        Whether to keep the epoch of the lowest out-of-fold loss and to stop when it no longer
        falls. It needs no validation set. Without folds (``cv=None``) nothing honest is there to
        look at and the last epoch is kept.

    n_iter_no_change : int, default=5
        Epochs without a lower out-of-fold loss after which training stops.

    tol : float, default=1e-4
        What counts as lower.

    device : {"auto", "cpu", "cuda"} or str, default="auto"
        Where the net trains: "cuda" is the current GPU, "cuda:1" one by its number. "auto" is the
        CPU everywhere, so that a fit has the same bits on a machine with a GPU as on one without.
        A fit on a GPU does not repeat to the bit. The result is the same kind of numpy arrays, and
        `transform` needs no GPU.

    n_jobs : int, default=None
        Threads of torch in `fit`; -1 takes all processors. None means 1: the steps are small, and
        GridSearchCV uses the other cores better. The result has the same bits for the same number.

    random_state : int, RandomState instance or None, default=None
        Seed of folds, start and order of the rows. An int makes fits repeatable to the bit.

    verbose : int, default=0
        1 draws a bar of the epochs on a terminal or in a notebook, if rich is installed, and
        prints a line per epoch elsewhere. For scikit-learn's callbacks there is `set_callbacks`.

    Attributes
    ----------
    row_encoder_ : RowEncoder
        Turns rows into codes and numbers. It holds vocabularies, crosses and bins.

    vocabularies_ : dict of str to Vocabulary
        Levels and codes of each embedded column.

    crosses_ : dict of str to Cross
        Combinations and codes of each cross, by a name like ``"city x kind"``.

    bins_ : dict of str to Bins
        Bins of the numeric columns that are crossed.

    tables_ : dict of str to ndarray of float32, shape (n_codes, dim)
        The vectors of each embedded column and cross. Rows 0, 1 and 2 are those of unseen, missing
        and infrequent levels; the levels follow in the order of the vocabulary. Components are in
        units of the net's output (log-odds; standard deviations of a quantity) and sorted by how
        far they move it; in the first, a greater component moves it up. Those of pretrained columns
        stay as they were given. Without a target, the distance of two levels is how differently
        they predict the other columns: half its square is the Kullback-Leibler divergence in nats,
        if it is small.

    trained_tables_ : dict of str to ndarray of float32, shape (n_codes, n_components)
        The same vectors to the precision of training, with the components that ``tables_`` leaves
        out: what `nearest`, `embedding`, `explore` and pictures read. Where nothing was rounded or
        left out, the array is that of ``tables_``. A table takes 4 bytes a component and level, 160
        MB for ten million levels and 4 components.

    output_layout_ : Layout
        Place of each column and cross in the output, and the type of the output.

    history_ : dict of ndarray, each of shape (n_epochs,)
        ``out_of_fold_loss``, ``table_loss`` and ``seconds`` since the start, by epoch. Regression
        losses are in units of the target's variance. Without a target ``loss``, of a hidden cell
        in the mean (nats of a level, half the squared error of a number), and ``seconds``.

    n_iter_ : int
        Epochs run.

    best_epoch_ : int
        Epoch that the tables come from, counted from 1. 0 means that in no epoch the net was
        better than a constant answer by two standard errors of the out-of-fold loss: there is
        nothing to learn, `fit` warns, and all vectors of a column are the same. Without a target,
        the last.

    classes_ : ndarray of shape (n_classes,) or None
        Classes of the target; None if it is continuous or there is none.

    target_type_ : {"binary", "multiclass", "multilabel", "continuous", "multioutput", "none"}
        Kind of target trained on.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns seen in `fit`, if all are strings.

    See Also
    --------
    sklearn.preprocessing.TargetEncoder : One number per level, its shrunken mean target.
    sklearn.preprocessing.OneHotEncoder : One column per level.

    References
    ----------
    Guo and Berkhahn (2016), "Entity embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Bern"] * 25, "rooms": range(100)})
    >>> y = [310.0, 150.0, 160.0, 420.0] * 25
    >>> encoder = NeuralEmbeddingEncoder(embedding_dim=2, random_state=0)
    >>> encoder.fit_transform(X, y).shape
    (100, 3)
    >>> encoder.get_feature_names_out().tolist()
    ['city_0', 'city_1', 'rooms']
    >>> encoder.vocabularies_["city"].levels
    ['Bern', 'Oslo', 'Rome']

    Without a target:

    >>> encoder = NeuralEmbeddingEncoder(embedding_dim=2, target_type="none", random_state=0)
    >>> encoder.fit_transform(X).shape
    (100, 3)
    """

    __module__ = "skembed"

    def __init__(
        self,
        *,
        categorical_features="auto",
        embedding_dim="auto",
        crosses="auto",
        cv=5,
        hidden_layer_sizes=(64, 32),
        interaction="mlp",
        bag_mode="mean",
        target_type="auto",
        loss="auto",
        quantile=None,
        y_range=None,
        use_context=True,
        remainder="passthrough",
        min_frequency=None,
        max_categories=None,
        handle_unknown="embed",
        handle_missing="embed",
        pretrained=None,
        freeze_pretrained=False,
        unseen_rate=0.1,
        dropout=0.0,
        weight_decay=1e-4,
        learning_rate=3e-3,
        batch_size="auto",
        max_epochs="auto",
        early_stopping=True,
        n_iter_no_change=5,
        tol=1e-4,
        device="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.categorical_features = categorical_features
        self.embedding_dim = embedding_dim
        self.crosses = crosses
        self.cv = cv
        self.hidden_layer_sizes = hidden_layer_sizes
        self.interaction = interaction
        self.bag_mode = bag_mode
        self.target_type = target_type
        self.loss = loss
        self.quantile = quantile
        self.y_range = y_range
        self.use_context = use_context
        self.remainder = remainder
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.handle_unknown = handle_unknown
        self.handle_missing = handle_missing
        self.pretrained = pretrained
        self.freeze_pretrained = freeze_pretrained
        self.unseen_rate = unseen_rate
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, groups=None):
        """Learn the vectors.

        .. note::
            Train the next model on `fit_transform`: ``fit(X, y).transform(X)`` gives vectors that
            have seen the targets of their own rows, and `transform` warns when it is asked for
            them.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            Columns of levels and numbers. Numeric ones may be missing, but not infinite.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Target. Without one the vectors are learned from the columns alone; see
            ``target_type``.

        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the losses. Rows of weight 0 count as absent: they may hold any
            level, any number and any target.

        groups : array-like of shape (n_rows,), default=None
            Handed to a splitter given as ``cv``, such as
            :class:`~sklearn.model_selection.GroupKFold`.

        Returns
        -------
        self : NeuralEmbeddingEncoder
            The fitted encoder.
        """
        with all_or_nothing(self):
            without_target = self._is_without_target(y)
            if without_target:
                self._fit_without_target(X, sample_weight)
            else:
                self._fit_on_target(X, y, sample_weight, groups, "fit")
            # Weak, so that the encoder does not keep the rows alive.
            leaks = not without_target and self.cv is not None
            self._fitted_on = _reference(X) if leaks else None
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, sample_weight=None, groups=None):
        """Learn the vectors, and give every row those of its own fold, which it did not train.

        .. note::
            ``fit(X, y).transform(X)`` does not equal ``fit_transform(X, y)``: the one is for new
            rows, the other for the rows that the next model is trained on. Without y they are
            equal.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            Columns of levels and numbers. Numeric ones may be missing, but not infinite.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
            Target. Without one the vectors are learned from the columns alone; see
            ``target_type``.

        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the losses. Rows of weight 0 count as absent: they may hold any
            level, any number and any target.

        groups : array-like of shape (n_rows,), default=None
            Handed to a splitter given as ``cv``, such as
            :class:`~sklearn.model_selection.GroupKFold`.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            Vectors replace the embedded columns. float32, or float64 where a column that
            passes through needs it.
        """
        with all_or_nothing(self):
            self._fitted_on = None
            if self._is_without_target(y):  # none to leak
                used = self._fit_without_target(X, sample_weight)
                return self._look_up(read_rows(self, X), used)
            columns, learned, finished = self._fit_on_target(
                X, y, sample_weight, groups, "fit_transform"
            )
            codes = {column.name: column.codes for column in learned.columns}
            fold, used = learned.problem.fold, learned.problem.weight > 0
            return self._look_up_own_fold(columns, codes, fold, finished, used)

    @fit_context(prefer_skip_nested_validation=True)
    def fit_parquet(self, path, target, *, sample_weight=None, distributed=False):
        """Learn the vectors from rows that need not fit into memory.

        The rows are read once, dealt at random into temporary files of half a million rows each
        (in the folder of :mod:`tempfile`, about as large as the data), and trained on file by
        file. Levels, classes and combinations of levels are those of all rows. The scale of
        numbers, their bins, the choice of crosses and the rounding come from the first file, a
        random sample; "auto" takes no cross of more than half a million combinations. Up to half
        a million rows, the result is that of `fit`, to the bit.

        Every column counts but target and weights; to leave out others, give a dataset with a
        schema of some. A callable ``categorical_features`` is given a row of nulls. There are no
        bags and no pretrained vectors. A splitter as ``cv`` splits file by file and sees neither
        columns nor groups.

        Parameters
        ----------
        path : str, PathLike or pyarrow.dataset.Dataset
            A Parquet file, a folder of such files, or a dataset.

        target : str
            Name of the column to predict.

        sample_weight : str, default=None
            Name of the column that holds weights of the rows.

        distributed : bool, default=False
            Whether all processes of torch's process group train one encoder together, each on its
            share of the row groups; see docs/training-on-several-machines.md. All of them call
            this method, with the same parameters, and get the same encoder.

        Returns
        -------
        self : NeuralEmbeddingEncoder
            The fitted encoder. `transform` takes frames of the columns but target and weights.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> rows = {"city": ["Oslo", "Rome", "Bern"] * 40, "price": [3.0, 1.5, 4.2] * 40}
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "prices.parquet")
        ...     pd.DataFrame(rows).to_parquet(path)
        ...     encoder = NeuralEmbeddingEncoder(random_state=0).fit_parquet(path, "price")
        >>> encoder.transform(pd.DataFrame({"city": ["Oslo", "Bern"]})).shape
        (2, 1)
        """
        with all_or_nothing(self):
            self._fitted_on = None
            self._fit_parquet(open_dataset(path), target, sample_weight, distributed)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform_parquet(self, path, target, out, *, sample_weight=None, distributed=False):
        """Learn the vectors as `fit_parquet` does, and write those of each row's own fold.

        The data are read a second time for it. The next model is trained on what is written.

        Parameters
        ----------
        path : str, PathLike or pyarrow.dataset.Dataset
            A Parquet file, a folder of such files, or a dataset.

        target : str
            Name of the column to predict.

        out : str or PathLike
            The Parquet file to write, not among those read: what `fit_transform` gives, as columns
            named by `get_feature_names_out`, the rows in the order of the data. To join other
            columns, put them beside: ``read_table(out).append_column(target, data[target])`` in
            pyarrow. It appears when it is whole, and replaces an older one.

        sample_weight : str, default=None
            Name of the column that holds weights of the rows.

        distributed : bool, default=False
            As in `fit_parquet`. Each process gives another ``out`` and writes the rows of its
            share: the files in the order of the ranks are the rows in the order of the data.

        Returns
        -------
        self : NeuralEmbeddingEncoder
            The fitted encoder.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> rows = {"city": ["Oslo", "Rome", "Bern"] * 40, "price": [3.0, 1.5, 4.2] * 40}
        >>> encoder = NeuralEmbeddingEncoder(random_state=0)
        >>> with TemporaryDirectory() as data, TemporaryDirectory() as features:
        ...     path, out = Path(data, "prices.parquet"), Path(features, "features.parquet")
        ...     pd.DataFrame(rows).to_parquet(path)
        ...     _ = encoder.fit_transform_parquet(path, "price", out)
        ...     pd.read_parquet(out).shape
        (120, 1)
        """
        with all_or_nothing(self):
            dataset = open_dataset(path)
            check_out(out, path, dataset)
            self._fitted_on = None
            finished, plan, next_folds = self._fit_parquet(
                dataset, target, sample_weight, distributed
            )
            parts = (
                self._look_up_own_fold(
                    columns,
                    self.row_encoder_.encode(columns, Refusals()),
                    next_folds(columns.n_rows),
                    finished,
                    used,
                )
                for columns, used in read_again(plan)
            )
            write_parquet(out, self.get_feature_names_out(), parts)
        return self

    def transform(self, X):
        """Replace the embedded columns by their vectors, for rows that were not trained on.

        .. note::
            ``fit(X, y).transform(X)`` does not equal ``fit_transform(X, y)``. For the rows that
            the next model is trained on, use `fit_transform`.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            The columns seen in `fit`, by the same names and in the same order.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            Vectors replace the embedded columns. float32, or float64 where a column that
            passes through needs it.
        """
        check_is_fitted(self)
        columns = read_rows(self, X)
        fitted_on = getattr(self, "_fitted_on", None)
        if fitted_on is not None and fitted_on() is X:
            warn_user(
                "transform was given the rows that this encoder was fitted on: their vectors have "
                "seen their targets. To train the next model use fit_transform(X, y), or put both "
                "into a Pipeline."
            )
        return self._look_up(columns)

    def get_feature_names_out(self, input_features=None):
        """Get the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Must be the names seen in `fit`, if they are given.

        Returns
        -------
        ndarray of str objects, shape (n_features_out,)
            ``city_0, city_1, ...`` replace ``city``; other columns keep their names;
            crosses, ``city x kind_0, ...``, stand at the end.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        names = self.row_encoder_.names if self.row_encoder_.is_sparse else names
        return self.output_layout_.names_out(names)

    def inverse_transform(self, X):
        """Turn vectors back into levels: each into the level that is nearest.

        Vectors that `transform` gave come back as the levels that they were, but for levels that
        have the same vector (vectors are rounded, and short): then it is the level of most rows
        in `fit`.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features_out)
            Output of `transform`, or vectors near to it. Crosses and bags are not looked at.

        Returns
        -------
        DataFrame or ndarray of shape (n_rows, n_columns)
            The columns that `fit` was given, in their order: a pandas frame with their names, or
            an array if they had none. Levels are those of ``vocabularies_``; None stands where the
            row of missing or of unseen levels is nearest and ``"infrequent_sklearn"``, as with
            :class:`~sklearn.preprocessing.OneHotEncoder`, for pooled levels. Numbers come back as
            they are. Columns that are not in the output of `transform` are absent.

        Examples
        --------
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40, "rooms": range(120)})
        >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
        >>> encoder.inverse_transform(encoder.transform(X.head(2)))
           city  rooms
        0  Oslo    0.0
        1  Rome    1.0
        """
        check_is_fitted(self)
        names_in = check_feature_names_in(self, None)
        columns = Columns(X)
        columns.is_new = True
        given = restore_columns(
            columns, self.output_layout_, names_in, self.tables_, self.row_encoder_
        )
        return given if hasattr(self, "feature_names_in_") else given.to_numpy()

    def to_torch(self):
        """Make a frozen torch module of the vectors, to train another net through.

        Returns
        -------
        FrozenEncoder
            Takes codes or probability rows by column, and gives what `transform` does, without
            the columns that pass through. ``inputs(X)`` of it makes codes of a frame. The
            gradient reaches the probabilities; the vectors stay.

        Examples
        --------
        >>> import pandas as pd
        >>> import torch
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Bern"] * 25})
        >>> y = [310.0, 150.0, 160.0, 420.0] * 25
        >>> vectors = NeuralEmbeddingEncoder(random_state=0).fit(X, y).to_torch()
        >>> logits = torch.zeros(4, 6, requires_grad=True)  # 3 reserved codes and 3 cities
        >>> vectors({"city": logits.softmax(dim=1)}).sum().backward()
        >>> logits.grad.shape
        torch.Size([4, 6])
        """
        check_is_fitted(self)
        with needs_torch("to_torch"):
            from skembed.nn import FrozenEncoder
        return FrozenEncoder(self)

    def _is_without_target(self, y):
        """Whether the vectors are learned from the columns alone; warn if it may be a slip."""
        if y is None and self.target_type == "auto":
            warn_user(
                "fit was given no y, so the vectors are learned without a target: from how the "
                "columns predict each other. Give y to learn from it. If there is none, "
                "target_type='none' ends this warning."
            )
        return y is None or self.target_type == "none"

    def _fit_without_target(self, X, sample_weight):
        """Learn vectors from the columns alone; return which rows have weight."""
        columns = self._columns(X, reset=True)
        learned = learn_without_target(columns, X, sample_weight, self._options(), Monitor(self))
        history = learned.history
        n_epochs = len(history["seconds"])
        self._keep_output(
            learned, columns, learned.tables, learned.trained, history, n_epochs, "none", None
        )
        return learned.used

    def _fit_on_target(self, X, y, sample_weight, groups, method):
        """Learn vectors from a target; return what `fit_transform` needs beside them."""
        split_params = self._split_params(method, groups)
        columns = self._columns(X, reset=True)
        learned = learn_in_memory(
            columns, X, y, sample_weight, split_params, self._options(), Monitor(self)
        )
        return columns, learned, self._finish(learned, columns)

    def _fit_parquet(self, dataset, target, sample_weight, distributed):
        """Learn vectors from files; return what `fit_transform_parquet` needs beside them."""
        with needs_torch("fit"):
            from skembed._training.process_group import join_ranks
        ranks = join_ranks(is_distributed=distributed, device=self.device)
        monitor = Monitor(None if ranks.rank else self)  # ranks share a terminal: one reports
        learned, plan, next_folds = learn_from_parquet(
            dataset,
            target,
            sample_weight,
            ranks,
            self._options(),
            monitor,
            read_columns=lambda X: self._columns(X, reset=True),
        )
        finished = self._finish(learned, plan.columns)
        if ranks.size > 1:  # other processes may round otherwise
            given = self.get_params(deep=False)
            fitted = {key: of for key, of in self.__getstate__().items() if key not in given}
            fitted, finished = ranks.of_first((fitted, finished))
            self.__setstate__(given | fitted)
        return finished, plan, next_folds

    def _finish(self, learned, columns):
        """Set the fitted attributes by what was learned; return the finished tables."""
        finished = finish_tables(learned, self.embedding_dim, chosen=self.crosses == "auto")
        tables = {table.name: table.mean for table in finished}
        target = learned.problem.target
        self._keep_output(
            learned,
            columns,
            tables,
            {table.name: table.trained for table in finished},
            learned.history,
            learned.best_epoch,
            target.kind,
            target.classes,
        )
        return finished

    def _keep_output(
        self, learned, columns, tables, trained, history, best_epoch, target_type, classes
    ):
        """Set the fitted attributes, with the layout of the output."""
        passing = learned.passing
        crosses = [cross for cross in learned.row_encoder.crosses if cross.name in tables]
        row_encoder = replace(
            learned.row_encoder.with_crosses(crosses), numeric=passing, context=None
        )
        layout = Layout.of(row_encoder, tables, output_dtype(columns, passing))
        self._keep(
            row_encoder,
            tables,
            history,
            best_epoch,
            target_type,
            classes,
            output_layout_=layout,
            trained_tables_=trained,
        )

    def _look_up_own_fold(self, columns, codes, fold, finished, used):
        """Output for rows that were trained on: vectors from the tables of their own folds."""
        tables = {table.name: table.folds for table in finished}

        def write(slot, out):
            gather_own_fold(tables[slot.name], codes[slot.name], fold, out)

        return self.output_layout_.assemble(columns, write, used)

    def _look_up(self, columns, used=None):
        """Output for new rows, or for those of a fit: vectors from the tables.

        A fit has seen all levels of the rows that it used, and refuses none of the others.
        """
        out = self.output_layout_.empty(columns.n_rows)
        refusals = self._refusals() if used is None else Refusals()
        for rows, part, codes in self.row_encoder_.encode_blocks(columns, refusals):

            def write(slot, out, codes=codes):
                gather(self.tables_[slot.name], codes[slot.name], out)

            self.output_layout_.fill(out[rows], part, write, None if used is None else used[rows])
        return out

    def __getstate__(self):
        """State to pickle: all but the reference to the rows of `fit`."""
        return {key: value for key, value in super().__getstate__().items() if key != "_fitted_on"}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.target_tags.multi_output = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _reference(X):
    try:
        return weakref.ref(X)
    except TypeError:  # a list, say
        return None
