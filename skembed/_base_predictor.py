"""What the classifier and the regressor share: the net itself as predictor, in numpy."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding, all_or_nothing, encode_blocks, read_rows
from skembed._columns.vocabulary import RESERVED
from skembed._fit.in_memory import learn_in_memory
from skembed._model.tables import gather, mean_over_folds
from skembed._reading.readable_vectors import ReadableVectors
from skembed._training.monitor import Monitor
from skembed._utils.optional_imports import needs_torch
from skembed._utils.public_names import without_class_names
from skembed._utils.sklearn_compat import fit_context


@without_class_names
class BaseNeuralEmbeddingPredictor(ReadableVectors, BaseNeuralEmbedding):
    """Tables, context and decoder in numpy: fitting them, and the forward pass through them."""

    _parameter_constraints: dict = {
        name: constraint
        for name, constraint in BaseNeuralEmbedding._parameter_constraints.items()
        if name not in ("target_type", "loss", "quantile", "y_range")
    }

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
        use_context=True,
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
        self.use_context = use_context
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
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the net.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            Columns of levels and numbers. Numeric ones may be missing, but not infinite.

        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Target.

        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the losses. Rows of weight 0 count as absent.

        groups : array-like of shape (n_rows,), default=None
            Handed to a splitter given as ``cv``.

        Returns
        -------
        self : object
            The fitted predictor.
        """
        with all_or_nothing(self):
            split_params = self._split_params("fit", groups)
            columns = self._columns(X, reset=True)
            learned = learn_in_memory(
                columns, X, y, sample_weight, split_params, self._options(), Monitor(self)
            )
            tables = {}
            for column in learned.columns:
                table = tables[column.name] = mean_over_folds(*column.table)
                if column.start and column.start.frozen:  # without the rounding of mean and sum
                    table[column.start.codes] = column.start.vectors
            target = learned.problem.target
            self._keep(
                learned.row_encoder,
                tables,
                learned.history,
                learned.best_epoch,
                target.kind,
                target.classes,
                decoder_=learned.decoder,
                target_=target.without_rows(),
            )
        return self

    def biases(self, column):
        """Own effect of each level of a column: the biases of collaborative filtering.

        Parameters
        ----------
        column : str
            An embedded column.

        Returns
        -------
        Series
            By level. In units of the net's output, such as log-odds; of a quantity without
            ``y_range``, in its own units. With ``interaction="dot"`` it is all that the level does
            by itself; otherwise the layers add to it.

        Raises
        ------
        ValueError
            If the net has several outputs or the vectors are pretrained: there are no own effects
            then.
        """
        check_is_fitted(self)
        if column not in self.vocabularies_:
            raise ValueError(
                f"{column!r} is not embedded. Embedded are {list(self.vocabularies_)}."
            )
        if len(self.target_.bias) > 1:
            raise ValueError(
                f"A net with {len(self.target_.bias)} outputs ({self.target_type_}) has no biases."
            )
        at = list(self.tables_).index(column)
        start = sum(table.shape[1] for table in list(self.tables_.values())[:at])
        trust = self.decoder_.own[self.decoder_.first == start]
        if not len(trust):
            raise ValueError(
                f"The vectors of {column!r} are pretrained: they hold no biases. Without "
                "pretrained, the net learns some."
            )
        effects = trust * self.tables_[column][len(RESERVED) :, 0]
        if getattr(self.target_.loss, "bounds", ()) is None:  # outputs are quantities
            effects = effects * self.target_.scale[0]
        return pd.Series(effects, index=self.vocabularies_[column].levels, name=column)

    def to_torch(self):
        """Make a frozen torch module of the net, to train another net through.

        Returns
        -------
        FrozenPredictor
            Takes codes or probability rows and numbers by column, and gives the output of the
            net: log-odds of two classes, logits of more, standard deviations of a quantity from
            its mean. ``inputs(X)`` of it makes codes and numbers of a frame. The gradient reaches
            probabilities and numbers; the net stays.
        """
        check_is_fitted(self)
        with needs_torch("to_torch"):
            from skembed.nn import FrozenPredictor
        return FrozenPredictor(self)

    def _output(self, X):
        """Output of the net, (n_rows, n_outputs)."""
        check_is_fitted(self)
        dims = [table.shape[1] for table in self.tables_.values()]
        stops = np.cumsum(dims)
        outputs = []
        for _, part, codes in encode_blocks(self, read_rows(self, X)):
            vectors = np.empty((part.n_rows, stops[-1]), dtype=np.float32)
            for (name, table), stop in zip(self.tables_.items(), stops, strict=True):
                gather(table, codes[name], vectors[:, stop - table.shape[1] : stop])
            inputs = np.hstack([vectors, self.row_encoder_.inputs(part)])
            outputs.append(self.decoder_.output(inputs))
        return np.concatenate(outputs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags
