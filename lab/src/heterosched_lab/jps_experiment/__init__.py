"""JPS against its peers and against the optimum (Liu et al., IEEE TPDS 35(6), 2024), over many instances."""
