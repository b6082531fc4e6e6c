"""Infra: one command makes the environment, starts the whole stack and checks it."""
