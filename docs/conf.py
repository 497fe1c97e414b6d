"""The documentation as a site: `make docs` builds it into out/docs. The pages read well without it, too."""

from importlib.metadata import version as installed_version

project = "physim · i2v"
version = release = installed_version("physim")
copyright = "the authors, Apache-2.0"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
exclude_patterns = ["gallery/**"]
html_theme = "furo"
html_title = project
html_show_sphinx = False

# Links between pages name headings as code hosts do; files of the repository are offered for download.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "html_image"]

# Notebooks are text; they are executed when the site is built, and not again before they change.
nb_execution_mode = "cache"
nb_execution_cache_path = "../out/notebooks"
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"np.ndarray": "numpy.ndarray"}
autodoc_default_options = {"members": True, "inherited-members": False}
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False


def _without_pydantic(app, what, name, obj, skip, options):
    """Of a pydantic model only what we wrote is shown."""
    if what in ("class", "pydantic_model") and getattr(obj, "__module__", "").startswith("pydantic"):
        return True
    return skip or name in ("model_config", "model_post_init")


def _with_fields(app, what, name, obj, options, lines):
    """Fields of a pydantic model say what they are in their descriptions."""
    if what == "class" and hasattr(obj, "model_fields"):
        lines += [""] + [f":param {n}: {field.description or ''}" for n, field in obj.model_fields.items()]


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", _without_pydantic)
    app.connect("autodoc-process-docstring", _with_fields)
