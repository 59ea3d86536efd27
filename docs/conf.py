"""The site: `make docs` builds it from the pages of this folder, without a network."""

from docutils import nodes

import skembed

project = "skembed"
author = "the skembed developers"
copyright = author
version = release = skembed.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "recipes", "sg_execution_times.rst"]
templates_path = ["_templates"]

myst_heading_anchors = 3
nitpicky = True

autosummary_generate = True
numpydoc_show_class_members = False  # the template of classes lists them
default_role = "literal"

html_theme = "pydata_sphinx_theme"
html_title = "skembed"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
# Pages with nothing below them have no menu at the left.
html_sidebars = {page: [] for page in ("getting-started", "faq", "changelog", "contributing")}
toc_object_entries_show_parents = "hide"
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "abort_on_example_error": True,
}

# Names of other packages that docstrings refer to. Their inventories would need a network.
ELSEWHERE = {
    "sklearn.": "https://scikit-learn.org/stable/modules/generated/{}.html",
    "torch.": "https://docs.pytorch.org/docs/stable/generated/{}.html",
    "tempfile": "https://docs.python.org/3/library/{}.html",
}


def link_elsewhere(app, env, node, contnode):
    """A link to the page of a name that is not ours."""
    target = node.get("reftarget", "")
    for start, page in ELSEWHERE.items():
        if target.startswith(start):
            return nodes.reference("", "", contnode, refuri=page.format(target))
    return None


def setup(app):
    """Sphinx calls this."""
    app.connect("missing-reference", link_elsewhere)
