"""Money: what people have, what may be spent, and each movement of it. See docs/ledger.md."""
