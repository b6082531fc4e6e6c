"""Fills the databases: real open courses, and people who take them.

    python -m infra.seed --size small --data FOLDER --demo FILE

What is made depends on the size only, apart from the day it is made on: the same people, courses
and progress each time. Each database is filled in one transaction whose last row says so
(`marker`); a run that was interrupted goes on with the databases that lack it.
"""
