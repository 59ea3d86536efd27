"""The decoder in numpy: what the net answers, and how the answer moves with its inputs."""

import numpy as np


def forward(layers, first, inputs):
    """Output of the net.

    Parameters
    ----------
    layers : list of (ndarray of shape (n_out, n_in), ndarray of shape (n_out,))
    first : sequence of int
        Inputs that are the first component of a vector: the level's own effect, which is added
        to an output of one number.
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        Vectors side by side, then the context.

    Returns
    -------
    ndarray of float32, shape (n_rows, n_outputs)
    """
    *hidden, (weight, bias) = layers
    x = inputs
    for hidden_weight, hidden_bias in hidden:
        x = np.maximum(x @ hidden_weight.T + hidden_bias, 0)
    output = x @ weight.T + bias
    if output.shape[1] == 1:
        output += inputs[:, first].sum(axis=1, keepdims=True)
    return output


def gradient(layers, first, inputs, outer):
    """Gradient, by the inputs, of each row's outputs times ``outer`` in sum.

    Parameters
    ----------
    layers, first, inputs
        As in `forward`.
    outer : ndarray of float32, shape (n_rows, n_outputs)

    Returns
    -------
    ndarray of float32, shape (n_rows, n_inputs)
    """
    *hidden, (weight, _) = layers
    x, active = inputs, []
    for hidden_weight, hidden_bias in hidden:
        x = np.maximum(x @ hidden_weight.T + hidden_bias, 0)
        active.append(x > 0)
    slope = outer @ weight
    for (hidden_weight, _), on in zip(reversed(hidden), reversed(active), strict=True):
        slope = (slope * on) @ hidden_weight
    if outer.shape[1] == 1:
        slope[:, first] += outer
    return slope
