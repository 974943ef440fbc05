"""B5: energy of training by Zeus' measured tables."""
