"""Measurements, apart from the tests: none of them passes or fails, they write down figures."""
