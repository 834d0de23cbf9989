"""Measurements: each figure beside a bare loop of the unavoidable work, measured in the same run."""
