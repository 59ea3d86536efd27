"""`NeuralEmbeddingRegressor`: the net itself as regressor."""

import numpy as np
from sklearn.base import RegressorMixin

from skembed._base import BaseNeuralEmbedding
from skembed._base_predictor import BaseNeuralEmbeddingPredictor


class NeuralEmbeddingRegressor(RegressorMixin, BaseNeuralEmbeddingPredictor):
    """Predict a quantity by the net whose vectors `NeuralEmbeddingEncoder` puts out.

    The training is the encoder's, with its folds. Prediction is a lookup and a few products of
    matrices in numpy; torch is not imported. The target is scaled inside.

    Parameters
    ----------
    categorical_features : "auto", list of str, list of int, mask or callable, default="auto"
        The columns to embed, as in :class:`NeuralEmbeddingEncoder`. "auto" takes columns of
        strings, bytes, categories, booleans and lists, and of an array of numbers the columns
        without fractions. It leaves out columns of labels in which nearly every row differs, and
        warns. Other columns must be numeric.

    embedding_dim : {"auto", "fastai", "google", "half"}, int, dict or callable, default="auto"
        Length of the vectors: by a rule of :mod:`skembed.sizing`, of all, by column, or by number
        of levels.

    crosses : "auto", None, int or list of tuples, default="auto"
        Columns made of two or more columns, with a level for each combination, as in
        :class:`NeuralEmbeddingEncoder`. "auto" chooses by out-of-fold evidence; None takes
        about half of the time.

    cv : int, cross-validation generator, iterable or None, default=5
        The folds of cross-fitting, as in :class:`NeuralEmbeddingEncoder`: more than 10 folds share
        10 tables. None trains one table by all rows, which overfits.

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

    loss : {"auto", "squared_error", "absolute_error", "quantile", "poisson"}, default="auto"
        What the net minimises: "auto" is the squared error, for the mean. "absolute_error" is for
        the median, "quantile" for another quantile, "poisson" for the rate of counts.

    quantile : float, default=None
        The quantile that ``loss="quantile"`` is about, between 0 and 1.

    y_range : (float, float), default=None
        Lowest and highest prediction, such as (0.5, 5.5) for ratings from 1 to 5: the net's output
        goes through a sigmoid between them, as is usual in collaborative filtering. A little
        beyond the real ends, since the sigmoid reaches its own only at infinity.

    use_context : bool, default=True
        Whether the net sees the numeric columns.

    min_frequency : int or float, default=None
        Levels with fewer rows, or a smaller fraction of the rows, share the infrequent row.

    max_categories : int, default=None
        Most levels of a column that have a row of their own, counting the infrequent row if there
        is one. Of equally frequent levels the first are kept.

    handle_unknown : {"embed", "warn", "error"}, default="embed"
        How levels not seen in `fit` are handled.

        - "embed" gives them the prior row.
          `predict` warns of a column in which no level was seen (docs/levels.md).
        - "warn" gives them the prior row, and `predict` warns of each column that holds some.
        - "error" raises an error that names column and levels.

    handle_missing : {"embed", "error"}, default="embed"
        Missing levels get a row of their own, or are an error.

    pretrained : dict, default=None
        Vectors that are known already, of some columns: ``{column: {level: vector}}``, or a data
        frame with the levels as index in the place of the inner dict. They set the length of the
        column's vectors, and training starts from them. Levels without one start at their mean.
        Levels that are not in `fit` are kept for `predict`; none is pooled as infrequent.

    freeze_pretrained : bool, default=False
        Whether pretrained vectors stay as given. Levels without one still learn.

    unseen_rate : float, default=0.1
        Fraction of the codes shown to the net as unseen, which trains the prior row.

    dropout : float, default=0.0
        Fraction of the decoder's hidden units left out in each step.

    weight_decay : float, default=1e-4
        Weight decay of the decoder.

    learning_rate : float, default=3e-3
        Peak learning rate of the decoder, in a one-cycle schedule.

    batch_size : "auto" or int, default="auto"
        Rows per step.

    max_epochs : "auto" or int, default="auto"
        Most passes over the rows.

    early_stopping : bool, default=True
        Whether to keep the epoch of the lowest out-of-fold loss and to stop when it no longer
        falls.

    n_iter_no_change : int, default=5
        Epochs without a lower out-of-fold loss after which training stops.

    tol : float, default=1e-4
        What counts as lower.

    device : {"auto", "cpu", "cuda"} or str, default="auto"
        Where the net trains: "cuda" is the current GPU, "cuda:1" one by its number. "auto" is the
        CPU everywhere, so that a fit has the same bits on a machine with a GPU as on one without.

    n_jobs : int, default=None
        Threads of torch in `fit`; None means 1.

    random_state : int, RandomState instance or None, default=None
        Seed of folds, start and order of the rows.

    verbose : int, default=0
        1 draws a bar of the epochs on a terminal or in a notebook, if rich is installed, and
        prints a line per epoch elsewhere. For scikit-learn's callbacks there is `set_callbacks`.

    Attributes
    ----------
    row_encoder_ : RowEncoder
        Turns rows into codes and numbers. It holds vocabularies, crosses, bins, and the median and
        scale of the numeric columns.

    vocabularies_ : dict of str to Vocabulary
        Levels and codes of each embedded column.

    crosses_ : dict of str to Cross
        Combinations and codes of each cross.

    bins_ : dict of str to Bins
        Bins of the numeric columns that are crossed.

    tables_ : dict of str to ndarray of float32, shape (n_codes, dim)
        The vectors of each embedded column and cross, as the decoder reads them.

    decoder_ : MLP or Dot
        The decoder in numpy: its weights, and how it answers.

    target_ : Target
        Loss of the target, and of a quantity its centre and scale.

    history_ : dict of ndarray, each of shape (n_epochs,)
        ``out_of_fold_loss``, ``table_loss`` and ``seconds`` since the start, by epoch.

    n_iter_ : int
        Epochs run.

    best_epoch_ : int
        Epoch that tables and decoder come from; 0 is the constant answer.

    target_type_ : {"continuous", "multioutput"}
        Kind of target trained on.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns seen in `fit`, if all are strings.

    See Also
    --------
    NeuralEmbeddingEncoder : The vectors as features for other estimators.
    NeuralEmbeddingClassifier : The same for classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingRegressor
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Bern"] * 50})
    >>> y = [310.0, 150.0, 160.0, 420.0] * 50
    >>> model = NeuralEmbeddingRegressor(random_state=0).fit(X, y)
    >>> model.predict(pd.DataFrame({"city": ["Rome"]})).round(-1).tolist()
    [160.0]
    """

    __module__ = "skembed"

    target_type = "quantities"

    _parameter_constraints: dict = {
        **BaseNeuralEmbeddingPredictor._parameter_constraints,
        **{
            name: BaseNeuralEmbedding._parameter_constraints[name]
            for name in ("loss", "quantile", "y_range")
        },
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
        loss="auto",
        quantile=None,
        y_range=None,
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
        super().__init__(
            categorical_features=categorical_features,
            embedding_dim=embedding_dim,
            crosses=crosses,
            cv=cv,
            hidden_layer_sizes=hidden_layer_sizes,
            interaction=interaction,
            bag_mode=bag_mode,
            use_context=use_context,
            min_frequency=min_frequency,
            max_categories=max_categories,
            handle_unknown=handle_unknown,
            handle_missing=handle_missing,
            pretrained=pretrained,
            freeze_pretrained=freeze_pretrained,
            unseen_rate=unseen_rate,
            dropout=dropout,
            weight_decay=weight_decay,
            learning_rate=learning_rate,
            batch_size=batch_size,
            max_epochs=max_epochs,
            early_stopping=early_stopping,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            device=device,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.quantile = quantile
        self.y_range = y_range

    def predict(self, X):
        """Predicted quantity: a mean, or what the loss is about.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            The columns seen in `fit`.

        Returns
        -------
        ndarray of float64, shape (n_rows,) or (n_rows, n_outputs)
            In units of the target.
        """
        output, target = self._output(X).astype(np.float64), self.target_
        predicted = target.loss.predict(output) * target.scale + target.centre
        return predicted[:, 0] if target.kind == "continuous" else predicted
