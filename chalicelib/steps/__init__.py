"""The steps of the state machine: a module a function, of the function's name.

Each takes the photo and its clients, and returns what JSON can hold. Nothing is imported here: a function
loads its own step alone.
"""
