"""The commands, a module each; `infra.cli` says what flags they take."""
