"""Data sets in the exact layout of the official ones, and of their smallest useful size."""

from .clips import write_clip

__all__ = ["write_clip"]
