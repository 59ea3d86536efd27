"""Data carried inside the package."""

from skembed.datasets._adult import load_adult

__all__ = ["load_adult"]
