"""What users needs from outside its database: argon2, Ed25519, counters in Valkey."""
