"""Learning: who is enrolled where, and how far they have come; progress is a log of events."""
