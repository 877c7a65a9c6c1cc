"""The version of psbridge."""

__version__ = "0.1.0"
