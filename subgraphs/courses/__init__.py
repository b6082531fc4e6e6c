"""Courses: what is taught, by whom, in which versions, and who may read it."""
