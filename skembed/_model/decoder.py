"""The decoders in numpy: what the net answers, and how the answer moves with its inputs.

Inputs are the vectors of all columns side by side, then the context. The first component of a
vector, unless it is pretrained, is the level's own effect: added to an output of one number.
"""

import numpy as np


class MLP:
    """Layers of weights and rectified units.

    Parameters
    ----------
    layers : list of (ndarray of shape (n_out, n_in), ndarray of shape (n_out,))
    first : sequence of int
        Where in the inputs the own effects stand.
    """

    def __init__(self, layers, first):
        self.layers, self.first, self.own = layers, first, np.ones(len(first), dtype=np.float32)

    def output(self, inputs):
        """Output of the net.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n_rows, n_inputs)

        Returns
        -------
        ndarray of float64, shape (n_rows, n_outputs)
        """
        *hidden, (weight, bias) = self.layers
        # A product of matrices rounds rows by their place: in float64 that cannot be seen.
        x = inputs.astype(np.float64)
        for hidden_weight, hidden_bias in hidden:
            x = np.maximum(x @ hidden_weight.T + hidden_bias, 0)
        output = x @ weight.T + bias
        if output.shape[1] == 1:
            output += inputs[:, self.first].sum(axis=1, keepdims=True)
        return output

    def gradient(self, inputs, outer):
        """Gradient, by the inputs, of each row's outputs times ``outer`` in sum.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n_rows, n_inputs)
        outer : ndarray of float32, shape (n_rows, n_outputs)

        Returns
        -------
        ndarray of float32, shape (n_rows, n_inputs)
        """
        *hidden, (weight, _) = self.layers
        x, active = inputs, []
        for hidden_weight, hidden_bias in hidden:
            x = np.maximum(x @ hidden_weight.T + hidden_bias, 0)
            active.append(x > 0)
        slope = outer @ weight
        for (hidden_weight, _), on in zip(reversed(hidden), reversed(active), strict=True):
            slope = (slope * on) @ hidden_weight
        if outer.shape[1] == 1:
            slope[:, self.first] += outer
        return slope


class Dot:
    """Sum of own effects and of the dot products of each pair of columns, each with its trust.

    Parameters
    ----------
    bias : float
    own : ndarray of shape (n_columns,)
        What the own effect of each column is multiplied by.
    trust : ndarray of shape (n_dotted, n_dotted)
        What the dot product of two columns is multiplied by; symmetric, zero on the diagonal.
    slope : ndarray of shape (n_context,)
        Of the context.
    dims : list of int
        Vector length of each column. Those longer than 1 are dotted, without the own effect.
    """

    def __init__(self, bias, own, trust, slope, dims):
        self.bias, self.own, self.trust, self.slope = bias, own, trust, slope
        self.first = np.cumsum([0, *dims[:-1]])
        self.dotted = np.array(
            [
                np.arange(first + 1, first + dim)
                for first, dim in zip(self.first, dims, strict=True)
                if dim > 1
            ],
            dtype=np.intp,
        )
        self.width = sum(dims)

    def output(self, inputs):
        """As in `MLP`."""
        output = self.bias + inputs[:, self.first] @ self.own + inputs[:, self.width :] @ self.slope
        if self.dotted.size:
            vectors = inputs[:, self.dotted]
            output += (vectors * self._others(vectors)).sum(axis=(1, 2)) / 2
        return output[:, None].astype(np.float32)

    def gradient(self, inputs, outer):
        """As in `MLP`."""
        slope = np.zeros_like(inputs)
        slope[:, self.first] = self.own
        slope[:, self.width :] = self.slope
        if self.dotted.size:
            slope[:, self.dotted] = self._others(inputs[:, self.dotted])
        return slope * outer

    def _others(self, vectors):
        """What each column's vector is dotted with: (n_rows, n_dotted, dim - 1)."""
        return np.matmul(self.trust, vectors)
