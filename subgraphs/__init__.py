"""The subgraphs: one package a domain, and the kernel that they share."""
