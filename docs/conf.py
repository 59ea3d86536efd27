"""The site: `make docs` builds it from the pages of this folder, without a network."""

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
exclude_patterns = ["_build", "gallery", "recipes"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Files that are no pages: the licence, sources, recipes. They are linked where they lie.
myst_url_schemes = ["http", "https", "mailto"]

autosummary_generate = True
numpydoc_show_class_members = False  # the template of classes lists them
default_role = "literal"

html_theme = "pydata_sphinx_theme"
html_title = "skembed"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 0,
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "plot_gallery": "True",
}
