"""What setup.cfg cannot say: the part that is compiled. Without a compiler it is left out; all else works."""

from Cython.Build import cythonize
from setuptools import Extension, setup

MODULES = [
    Extension(f"lpforwarder.lines.{name}", [f"lpforwarder/lines/{name}.pyx"], optional=True)
    for name in ("_scan", "_write")
]

setup(ext_modules=cythonize(MODULES))
