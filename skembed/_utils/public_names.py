"""Methods of private classes, as errors of Python name them."""

import inspect


def without_class_names(cls):
    """Let errors of calls say ``fit() missing ... 'y'``, without the name of a private class.

    Parameters
    ----------
    cls : type
        Whose own methods users call on public classes.
    """
    for method in vars(cls).values():
        if inspect.isfunction(method):
            for function in (method, inspect.unwrap(method)):
                function.__qualname__ = function.__name__
    return cls
