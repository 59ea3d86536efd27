"""The decoder and the target of a predictor as plain data and arrays; and back."""

import numpy as np

from skembed._model.decoder import MLP, Dot
from skembed._model.losses import CrossEntropy, LogLoss, PoissonLoss, QuantileLoss, SquaredLoss
from skembed._model.target import Target
from skembed._persistence.typed_arrays import require, whole

MOST_LAYERS = 1000


def net_to_data(decoder, target, arrays):
    """Turn decoder and target into data.

    Parameters
    ----------
    decoder : MLP or Dot
    target : Target
        Its values are not kept, and kind and classes stand elsewhere.
    arrays : dict of str to ndarray
        Arrays are added.

    Returns
    -------
    dict
    """
    return {
        "decoder": _decoder_to_data(decoder, arrays),
        "target": _target_to_data(target, arrays),
    }


def net_from_data(data, held, dims, n_inputs, target_type, classes):
    """Make decoder and target of what `net_to_data` made.

    Parameters
    ----------
    data : dict
    held : TypedArrays
    dims : list of int
        Vector length of each column and cross.
    n_inputs : int
        Inputs of the net beside the vectors.
    target_type : str
    classes : ndarray or None

    Returns
    -------
    decoder : MLP or Dot
    target : Target
    """
    bias = held.take("target.bias", ("float32",))
    decoder = _decoder_from_data(data["decoder"], held, dims, n_inputs, len(bias))
    return decoder, _target_from_data(data["target"], held, bias, target_type, classes)


def _decoder_to_data(decoder, arrays):
    if isinstance(decoder, Dot):
        arrays |= {f"decoder.{name}": getattr(decoder, name) for name in ("own", "trust", "slope")}
        return {"kind": "dot", "bias": decoder.bias}
    for i, (weight, bias) in enumerate(decoder.layers):
        arrays |= {f"decoder.{i}.weight": weight, f"decoder.{i}.bias": bias}
    arrays["decoder.first"] = np.asarray(decoder.first, dtype=np.int64)
    return {"kind": "mlp", "layers": len(decoder.layers)}


def _decoder_from_data(data, held, dims, n_inputs, n_outputs):
    if data["kind"] == "dot":
        n_dotted = sum(dim > 1 for dim in dims)
        own = held.take("decoder.own", ("float32",), length=len(dims))
        trust = held.take("decoder.trust", ("float32",), n_dims=2, length=n_dotted)
        slope = held.take("decoder.slope", ("float32",), length=n_inputs)
        require(trust.shape[1] == n_dotted and n_outputs == 1, "the products do not fit the tables")
        require(type(data["bias"]) is float, "the bias is no number")
        return Dot(data["bias"], own, trust, slope, dims)
    require(data["kind"] == "mlp", f"{data['kind']!r} is not a kind of decoder")
    layers, width = [], sum(dims) + n_inputs
    for i in range(whole(data["layers"], MOST_LAYERS)):
        weight = held.take(f"decoder.{i}.weight", ("float32",), n_dims=2)
        bias = held.take(f"decoder.{i}.bias", ("float32",), length=len(weight))
        require(weight.shape[1] == width, f"layer {i} does not fit what is below it")
        layers.append((weight, bias))
        width = len(weight)
    require(layers and width == n_outputs, "the last layer does not fit the target")
    first = held.take("decoder.first", ("int64",))
    starts = np.cumsum([0, *dims[:-1]])
    require(np.isin(first, starts).all(), "own effects are where no vector starts")
    return MLP(layers, first)


def _target_to_data(target, arrays):
    loss = target.loss
    data = {"loss": loss.name}
    if isinstance(loss, QuantileLoss):
        data["quantile"] = float(loss.quantile)
    arrays["target.bias"] = target.bias
    if target.centre is not None:
        arrays["target.centre"] = np.asarray(target.centre, dtype=np.float64)
        arrays["target.scale"] = np.asarray(target.scale, dtype=np.float64)
    bounds = getattr(loss, "bounds", None)
    data["bounds"] = bounds is not None
    if bounds is not None:
        arrays["target.low"], arrays["target.high"] = (
            np.asarray(bound, dtype=np.float64) for bound in bounds
        )
    return data


def _target_from_data(data, held, bias, target_type, classes):
    n_outputs, name = len(bias), data["loss"]
    bounds = centre = scale = None
    if data["bounds"] is True:
        bounds = tuple(
            held.take(f"target.{end}", ("float64",), length=n_outputs) for end in ("low", "high")
        )
    of_quantities = target_type in ("continuous", "multioutput")
    require((classes is None) == of_quantities, "the classes do not fit the kind of target")
    if of_quantities:
        centre, scale = (
            held.take(f"target.{part}", ("float64",), length=n_outputs)
            for part in ("centre", "scale")
        )
    else:
        expected = 1 if target_type == "binary" else len(classes)
        require(n_outputs == expected, "there is not an output for each class")
    losses = {
        "log_loss": (LogLoss, target_type in ("binary", "multilabel")),
        "cross_entropy": (CrossEntropy, target_type == "multiclass"),
        "squared_error": (SquaredLoss, of_quantities),
        "quantile": (QuantileLoss, of_quantities),
        "poisson": (PoissonLoss, of_quantities),
    }
    kind, fits = losses[name]
    require(fits, f"{name!r} is no loss for a {target_type} target")
    options = {"bounds": bounds} if issubclass(kind, SquaredLoss) else {}
    if kind is QuantileLoss:
        require(type(data["quantile"]) is float and 0 < data["quantile"] < 1, "no such quantile")
        options["quantile"] = data["quantile"]
    # The rows of the fit are not kept.
    values = np.empty((0, n_outputs), dtype=np.float32)
    return Target(target_type, classes, values, kind(**options), bias, centre, scale)
