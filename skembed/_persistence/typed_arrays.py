"""Arrays of a file, each taken once and only if it is of the type and shape that is asked for."""

from skembed._persistence.json_values import unpack_levels

NUMBERS = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)


class TypedArrays:
    """Arrays by name.

    Parameters
    ----------
    arrays : dict of str to ndarray
    objects : list or None
        What has no form as data, in a pickle; None of a file, which holds data alone.
    """

    def __init__(self, arrays, objects=None):
        self._left, self._objects = dict(arrays), objects

    @property
    def may_be_objects(self):
        """Whether there may be things that have no form as data."""
        return self._objects is not None

    def take(self, name, dtypes, n_dims=1, length=None):
        """Take the array of a name.

        Parameters
        ----------
        name : str
        dtypes : tuple of str
        n_dims : int
        length : int or None

        Returns
        -------
        ndarray
        """
        array = self._left.pop(name)
        fits = array.dtype.name in dtypes and array.ndim == n_dims
        require(
            fits and length in (None, len(array)),
            f"{name!r} is {array.dtype} of shape {array.shape}",
        )
        return array

    def levels(self, kind, name):
        """Take the levels under a name, by their kind."""
        if kind["kind"] == "object":
            return self.object(kind["at"])
        return unpack_levels(kind, lambda ending, dtypes: self.take(name + ending, dtypes))

    def object(self, at):
        """What has no form as data."""
        require(self.may_be_objects, "it holds data alone")
        return self._objects[at]

    def check_all_taken(self):
        """Raise if there is an array that nothing asked for."""
        require(not self._left, f"nothing is known of {sorted(self._left)[:3]}")


def require(holds, otherwise):
    """Raise unless something holds of what was read."""
    if not holds:
        raise ValueError(otherwise)


def whole(number, most):
    """Whole number from 0 to the given one."""
    require(type(number) is int and 0 <= number <= most, f"{number!r} is out of place")
    return number
