"""Color lookup tables (LUTs): read anybody's, apply them, write what editors read. No torch."""

from fast_nst.lut.read import SUFFIXES, read_lut
from fast_nst.lut.table import Lut
from fast_nst.lut.write import write_cube

__all__ = ["SUFFIXES", "Lut", "read_lut", "write_cube"]
