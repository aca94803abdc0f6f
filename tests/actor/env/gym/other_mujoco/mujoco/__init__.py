"""Stands where another MuJoCo than the program's would be."""
__version__ = "2.0.0"
