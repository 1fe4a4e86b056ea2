"""How fast a subject is: `pytest --benchmark-only` measures each alone, the verb ``duel`` two against each other."""
