"""What breaks, breaks here on purpose: processes are killed and stopped, and nothing is lost.

`python -m tests.faults --completions 10000` runs the great experiment at full size.
"""
