"""Tests of the training scripts: `python -m unittest discover --start-directory tests --top-level-directory .`"""
