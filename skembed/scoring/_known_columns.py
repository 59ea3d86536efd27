"""What the columns of a file hold, as far as a fitted estimator knows."""

from itertools import chain

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from skembed._base import BaseNeuralEmbedding
from skembed._columns.vocabulary import kinds


class KnownColumns:
    """Types and words of the columns of text without types, such as CSV.

    An estimator knows its columns if it is of skembed, or of scikit-learn with the attribute
    ``categories_``, and was fitted on columns with names. Such estimators are looked for where the
    columns of the file arrive: in the first step of a Pipeline, or behind a SimpleImputer, in a
    ColumnTransformer, in what a search, a calibration or an ensemble has fitted.

    Parameters
    ----------
    estimator : estimator
        Fitted on a data frame.

    Attributes
    ----------
    types : dict of str to pyarrow.DataType
    levels : dict of str to list
        Levels by column, of those that are known to have some.
    """

    def __init__(self, estimator):
        self.types: dict = {}
        self.levels: dict[str, list] = {}
        for each, names in _first_estimators(estimator, None):
            if isinstance(each, BaseNeuralEmbedding):
                types, levels = _of_ours(each, names)
            else:
                categories = dict(zip(names, each.categories_, strict=True))
                types = {}
                levels = {
                    name: held.tolist()
                    for name, held in categories.items()
                    if held.dtype.kind not in "mM"  # whose numbers are no times
                }
            types |= {name: kind for name, held in levels.items() if (kind := _type_of(held))}
            self.types = types | self.types
            for name, held in levels.items():
                self.levels.setdefault(name, []).extend(held)

    def words(self, missing):
        """Those of the words for missing that are levels, by column."""
        missing = {*missing}
        held = {
            name: {level for level in levels if isinstance(level, str)} & missing
            for name, levels in self.levels.items()
        }
        return {name: words for name, words in held.items() if words}


def _first_estimators(estimator, names):
    """Fitted estimators that know columns, and the names that these have in the file.

    Parameters
    ----------
    estimator : object
    names : sequence of str or None
        Of the columns that it was given, where it was not given names.
    """
    names = getattr(estimator, "feature_names_in_", names)
    if isinstance(estimator, BaseNeuralEmbedding) or hasattr(estimator, "categories_"):
        return [] if names is None else [(estimator, names)]
    if isinstance(estimator, Pipeline):
        return _of_pipeline(estimator, names)
    return [found for part in _parts(estimator) for found in _first_estimators(part, None)]


def _of_pipeline(pipeline, names):
    """Those of the first step that is given the values of the file."""
    for _, step in pipeline.steps:
        if isinstance(step, SimpleImputer):  # which changes no value but missing ones
            names = getattr(step, "feature_names_in_", names)
            if len(step.get_feature_names_out()) != step.n_features_in_:
                return []
        elif step not in (None, "passthrough"):
            return _first_estimators(step, names)
    return []


def _parts(estimator):
    """What is inside of a fitted estimator and is given its columns by name."""
    if isinstance(estimator, FeatureUnion):
        return [part for _, part in estimator.transformer_list]
    if isinstance(estimator, FrozenEstimator) or hasattr(estimator, "calibrators"):
        return [estimator.estimator]
    if not isinstance(estimator, BaseEstimator):
        return []
    fitted = [held for name, held in vars(estimator).items() if name.endswith("_")]
    return chain.from_iterable(map(_flat, fitted))


def _flat(held):
    """A value, or those of a list or tuple, and of the tuples in it."""
    return chain.from_iterable(map(_flat, held)) if isinstance(held, (list, tuple)) else [held]


def _of_ours(estimator, names):
    """Types of the columns that an estimator of skembed does not embed; levels of the others."""
    import pyarrow as pa

    encoder = estimator.row_encoder_
    in_file = dict(zip(encoder.names, names, strict=True))
    types = {name: pa.string() for own, name in in_file.items() if own not in encoder.vocabularies}
    types |= {in_file[name]: pa.float64() for name in encoder.number_names}
    levels = {
        in_file[name]: [*vocabulary.levels, *vocabulary.infrequent]
        for name, vocabulary in encoder.vocabularies.items()
    }
    return types, levels


def _type_of(levels):
    """Type of pyarrow of a column of levels; None where they are of several kinds, or dates."""
    import pyarrow as pa

    levels = [level for level in levels if level is not None and level == level]
    found = kinds(levels)
    if found == {"strings"}:
        return pa.string()
    if found == {"booleans"}:
        return pa.bool_()
    if found == {"numbers"}:
        whole = all(isinstance(level, int) for level in levels)
        return pa.int64() if whole else pa.float64()
    return None
