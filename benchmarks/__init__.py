"""Measurements that take long, or need photos that are not part of the project."""
