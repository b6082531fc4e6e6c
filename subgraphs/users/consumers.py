"""Users acts on the events of nobody: it is what the others stand on."""

from subgraphs.kernel.inbox import Inbox

inbox = Inbox("users")
