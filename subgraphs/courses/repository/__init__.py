"""All queries; the one about courses decides who sees what."""
