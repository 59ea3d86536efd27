"""Messages about parameters of Python name the options of the command."""

import pytest

from skembed._cli.option_words import in_options

SAID = {
    "score": [
        (
            "Rows 0 to 9 of x.csv: no. To set such rows aside, give a quarantine.",
            "Rows 0 to 9 of x.csv: no. To set such rows aside, give --quarantine FILE.",
        ),
        (
            "keep names ['a'], or leave them out of keep.",
            "--keep names ['a'], or leave them out of --keep.",
        ),
        ("Begin anew, with resume=False.", "Begin anew, without --resume."),
        ("quarantine='x' is a folder", "--quarantine 'x' is a folder"),
        ("out='x' is among the files", "--out 'x' is among the files"),
        ("give method='predict'.", "give --method predict."),
        ("Give handle_unknown='embed' to", "Give handle_unknown='embed' to"),
    ],
    "fit": [
        ("target='x': y holds one class", "--target 'x': the target holds one class"),
        ("give handle_missing='embed'.", "give --set handle_missing='embed'."),
        (
            "Name it in categorical_features, or leave it out with remainder='drop' and "
            "use_context=False.",
            "Name it in --set categorical_features, or leave it out with --set remainder='drop' "
            "and --set use_context=False.",
        ),
        (
            "to end this warning, drop them from X.",
            "to end this warning, leave them out by --exclude.",
        ),
        (
            "categorical_features names 'x'. X has ['a'].",
            "--set categorical_features names 'x'. The data have ['a'].",
        ),
    ],
    "benchmark": [("say so by target_type='continuous'", "say so by target_type='continuous'")],
    "inspect": [("target='x'", "target='x'")],
}


@pytest.mark.parametrize(
    ("command", "text", "told"),
    [(command, *pair) for command, pairs in SAID.items() for pair in pairs],
)
def test_option_words_replace_parameters(command, text, told):
    assert in_options(text, command) == told
    assert in_options(told, command) == told
