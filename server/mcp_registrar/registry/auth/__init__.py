"""Who may publish what: tokens of this registry, and the proofs that are exchanged for one."""
