"""Codecs that kafka-python takes from other packages; librdkafka has all of them built in."""

import importlib.util

__all__ = ["PYTHON", "missing_codec"]

PYTHON = "kafka-python"
_PACKAGES = {"snappy": ("snappy", "python-snappy"), "lz4": ("lz4", "lz4"), "zstd": ("zstandard", "zstandard")}


def missing_codec(compression: str) -> str:
    """What to install so that kafka-python can do it, in words; "" where it can."""
    module, package = _PACKAGES.get(compression, ("", ""))
    if not module or importlib.util.find_spec(module) is not None:
        return ""
    return f"{PYTHON} does compression: {compression} with {package}, which is not installed: pip install {package}"
