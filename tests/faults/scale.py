"""How much the tests of faults ask for: little in the gate, all that the table says on demand."""

import os

FULL = os.environ.get("POLYNODE_FAULTS") == "full"
