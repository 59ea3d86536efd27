"""Messages about parameters of Python, in the options of a command."""

import re

# What the package says, as a pattern, and what the command says instead.
OF_SCORING = [
    (r"\bgive a quarantine\b", "give --quarantine FILE"),
    (r"\bGive a quarantine\b", "Give --quarantine FILE"),
    (r"\bquarantine=(?=')", "--quarantine "),
    (r"\bout=(?=')", "--out "),
    (r"\bquarantine and out are both\b", "--quarantine and --out are both"),
    (r"(?<!-)\bkeep names\b", "--keep names"),
    (r"\bout of keep\b", "out of --keep"),
    (r"\bwith resume=False\b", "without --resume"),
    (r"\bmethod='(\w+)'", r"--method \1"),
    (r"\bcolumn_types\b", "--dtype"),
    (r"\bmissing_values\b", "--missing"),
]
OF_FITTING = [
    (r"\btarget=(?=')", "--target "),
    (r"\btarget and sample_weight\b", "--target and --sample-weight"),
    (r"\bsample_weight=(?=')", "--sample-weight "),
    (r"\bThe sample_weight column\b", "--sample-weight: column"),
    (r"\bGive a quarantine for such lines, or correct them\b", "Correct such lines"),
    (r"\bdrop them from X\b", "leave them out by --exclude"),
    (r"\bX has (?=\[)", "The data have "),
    (r"\by (holds|has)\b", r"the target \1"),
    (r"\bin y\b", "in the target"),
]


def in_options(text, command):
    """What a message of the package is in the words of the command line.

    Parameters
    ----------
    text : str
    command : str or None
        Name of the command.

    Returns
    -------
    str
    """
    if command in ("transform", "score"):
        return _replaced(text, OF_SCORING)
    if command not in ("fit", "benchmark"):
        return text
    text = _replaced(text, OF_FITTING)
    return _as_settings(text) if command == "fit" else text


def _replaced(text, phrases):
    for pattern, instead in phrases:
        text = re.sub(pattern, instead, text)
    return text


def _as_settings(text):
    """A text in which parameters of the encoder are values of ``--set``."""
    from skembed import NeuralEmbeddingEncoder

    names = "|".join(NeuralEmbeddingEncoder().get_params())
    text = re.sub(rf"(?<![-\w.'])(?<!--set )({names})=", r"--set \1=", text)
    return re.sub(
        r"(?<![-\w.'])(?<!--set )categorical_features\b", "--set categorical_features", text
    )
